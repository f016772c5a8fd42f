// A button beside each block of code. Of a console it copies the commands, without prompts and without their output.
"use strict";

function textToCopy(block) {
  const text = block.innerText.replace(/\n+$/, "");
  const lines = text.split("\n");
  if (!lines.some((line) => line.startsWith("$ "))) {
    return text;
  }
  const kept = [];
  let goesOn = false;
  for (const line of lines) {
    if (line.startsWith("$ ") || goesOn) {
      kept.push(goesOn ? line : line.slice(2));
      goesOn = line.endsWith("\\");
    }
  }
  return kept.join("\n");
}

document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) {
    return; // a page that was opened by plain http
  }
  for (const block of document.querySelectorAll("div.highlight > pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(textToCopy(block));
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.parentElement.append(button);
  }
});
