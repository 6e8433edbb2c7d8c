-- Prints what wrk measured as one line of JSON. An answer other than 302 (or the 404 of an
-- unknown code) is an error, and so is a connection that failed.
local threads = {}
wrong = 0

function setup(thread)
	table.insert(threads, thread)
end

function response(status)
	if status ~= 302 and status ~= 404 then
		wrong = wrong + 1
	end
end

function done(summary, latency)
	local e = summary.errors
	local errors = e.connect + e.read + e.write + e.timeout
	for _, thread in ipairs(threads) do
		errors = errors + thread:get("wrong")
	end
	io.write(string.format('{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
		summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
		latency:percentile(99) / 1e3, errors))
end
