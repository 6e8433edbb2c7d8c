-- Prints what wrk measured as one line of JSON. `refused` are answers of 400 and above; `failed`
-- are requests without an answer. No function looks at each answer: that would cost the load
-- generator more than the redirect.
function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "failed": %d}\n',
		summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
		latency:percentile(99) / 1e3, e.status, e.connect + e.read + e.write + e.timeout))
end
