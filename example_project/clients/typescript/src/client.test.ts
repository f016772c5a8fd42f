/** Against a running shop with the demo's accounts; the schema and the compiler have checked the rest. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { type Lock, MemoryStore, ShopError, type Tokens, createShop, login, logout, unwrap } from "./client.js";

const SITE = process.env["SHOP_URL"] ?? "http://127.0.0.1:8000";
const ME = "/api/v1/auth/me/";

class CountingStore extends MemoryStore {
  writes = 0;

  override async write(tokens: Tokens | null): Promise<void> {
    this.writes += 1;
    await super.write(tokens);
  }
}

/** A customer who is signed in, and whose access token is no longer good. */
async function expired() {
  const store = new CountingStore();
  const shop = createShop(SITE, store);
  await login(shop, store, "customer@example.com", "just-looking-2026");
  const tokens = await store.read();
  assert.ok(tokens);
  await store.write({ ...tokens, access: "expired" });
  store.writes = 0;
  return { store, shop };
}

/** What `navigator.locks` does for the tabs of a browser. */
function takeTurns(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** The opposite: `count` callers start at one moment. */
function allAtOnce(count: number): Lock {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let waiting = 0;
  return async (work) => {
    waiting += 1;
    if (waiting === count) {
      open();
    }
    await gate;
    return work();
  };
}

test("requests that meet an expired token share one refresh", async () => {
  const { shop, store } = await expired();

  const answers = await Promise.all(Array.from({ length: 8 }, () => shop.GET(ME)));

  assert.deepEqual(new Set(answers.map((answer) => answer.response.status)), new Set([200]));
  assert.equal(store.writes, 1);
});

test("a body is sent again whole", async () => {
  const { shop } = await expired();

  const user = unwrap(await shop.PATCH(ME, { body: { first_name: "Grace" } }));

  assert.equal(user.first_name, "Grace");
});

test("it calls fetch in the way that browsers ask for", async (context) => {
  const real = globalThis.fetch;
  context.mock.method(globalThis, "fetch", function (this: unknown, ...request: Parameters<typeof fetch>) {
    assert.ok(this === undefined || this === globalThis);
    return real(...request);
  });
  const { shop } = await expired();

  assert.equal((await shop.GET(ME)).response.status, 200);
});

test("two tabs with a lock share one refresh", async () => {
  const { store } = await expired();
  const lock = takeTurns();
  const tabs = [createShop(SITE, store, lock), createShop(SITE, store, lock)];

  const answers = await Promise.all(tabs.map((tab) => tab.GET(ME)));

  assert.deepEqual(answers.map((answer) => answer.response.status), [200, 200]);
  assert.equal(store.writes, 1);
});

test("without taking turns one of two tabs is refused", async () => {
  const { store } = await expired();
  const lock = allAtOnce(2);
  const tabs = [createShop(SITE, store, lock), createShop(SITE, store, lock)];

  const answers = await Promise.all(tabs.map((tab) => tab.GET(ME)));

  assert.deepEqual(answers.map((answer) => answer.response.status).sort(), [200, 401]);
});

test("a session that was ended elsewhere signs out here", async () => {
  const { shop, store } = await expired();
  unwrap(await shop.GET(ME));
  const elsewhere = new MemoryStore(await store.read());
  await logout(createShop(SITE, elsewhere), elsewhere);

  const answer = await shop.GET(ME);

  assert.equal(answer.error?.code, "session_ended");
  assert.equal(await store.read(), null);
});

test("a problem becomes an error with its code", async () => {
  const shop = createShop(SITE, new MemoryStore());

  const answer = await shop.POST("/api/v1/auth/login/", { body: { email: "nobody@example.com", password: "wrong" } });

  assert.throws(
    () => unwrap(answer),
    (error) => error instanceof ShopError && error.problem?.code === "invalid_credentials",
  );
});

/** Never called: the compiler must find what each line has that is not in the schema. */
export async function mistakes(): Promise<void> {
  const shop = createShop(SITE, new MemoryStore());
  // @ts-expect-error: no such path
  await shop.GET("/api/v1/nothing/");
  // @ts-expect-error: a price is a number or the text of one
  await shop.POST("/api/v1/products/", { body: { name: "Pen", price: true, category: 1 } });
  // @ts-expect-error: no such field
  unwrap(await shop.GET("/api/v1/auth/me/")).password;
}
