-- What wrk asks for, by the script's first argument, and what it measured, as one line of JSON.
--
--   (none)          the address on the command line
--   zipf N EVERY    codes 1..N of links.py, the k-th as often as 1/k; each EVERYth request (0:
--                   none) is a PUT of another target
--   misses PREFIX   codes that nobody has, each of them once
--   post BODY       POST of a JSON body to the address on the command line
--
-- `refused` are answers of 400 and above; `failed` are requests without an answer. No function
-- looks at each answer: that would cost the load generator more than the redirect.
local threads = {}
local DRAWS = 65536

-- DRAWS numbers of 1..n, distributed so, in an order that differs by seed.
local function zipf_draws(n, seed)
	local sums, sum = {}, 0
	for k = 1, n do
		sum = sum + 1 / k
		sums[k] = sum
	end
	local draws, k = {}, 1
	for i = 1, DRAWS do
		while k < n and sums[k] < (i - 0.5) / DRAWS * sum do
			k = k + 1
		end
		draws[i] = k
	end
	math.randomseed(seed)
	for i = DRAWS, 2, -1 do
		local j = math.random(i)
		draws[i], draws[j] = draws[j], draws[i]
	end
	return draws
end

local function put(id)
	return wrk.format("PUT", "/urls/" .. id, { ["Content-Type"] = "application/json" },
		string.format('{"original_url": "https://example.com/w/%d/%d"}', number, writes))
end

local function zipf(n, every)
	local draws, gets, i = zipf_draws(n, number), {}, 0
	for k = 1, n do
		gets[k] = wrk.format("GET", string.format("/h%06d", k))
	end
	function request()
		i = i + 1
		local k = draws[i % DRAWS + 1]
		if every > 0 and i % every == 0 then
			writes = writes + 1
			return put(k)
		end
		return gets[k]
	end
end

local function misses(prefix)
	local i = 0
	function request()
		i = i + 1
		return wrk.format("GET", string.format("/%s-%d-%d", prefix, number, i))
	end
end

local function post(body)
	wrk.method, wrk.body, wrk.headers["Content-Type"] = "POST", body, "application/json"
end

function setup(thread)
	table.insert(threads, thread)
	thread:set("number", #threads)
	thread:set("writes", 0)
end

function init(args)
	if args[1] == "zipf" then
		zipf(tonumber(args[2]), tonumber(args[3]))
	elseif args[1] == "misses" then
		misses(args[2])
	elseif args[1] == "post" then
		post(args[2])
	end
end

function done(summary, latency)
	local e, written = summary.errors, 0
	for _, thread in ipairs(threads) do
		written = written + thread:get("writes")
	end
	io.write(string.format(
		'{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p95_ms": %.3f, "p99_ms": %.3f, '
			.. '"refused": %d, "failed": %d, "writes": %d}\n',
		summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
		latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, e.status,
		e.connect + e.read + e.write + e.timeout, written))
end
