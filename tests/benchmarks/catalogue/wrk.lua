-- wrk -s wrk.lua URL -- FILE [HEADER: VALUE ...]: GET for the file's lines in turn; one line of JSON at the end.
local requests, number = {}, 0
function init(args)
  wrk.headers["Accept"] = "application/json"
  for i = 2, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end
function request()
  number = number % #requests + 1
  return requests[number]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format('{"requests_per_second":%.3f,"p50":%.4f,"p99":%.4f,"errors":%d}',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.status + e.connect + e.read + e.write + e.timeout))
end
