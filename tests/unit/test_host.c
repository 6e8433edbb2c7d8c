/* What the kernel's files say of this machine. */
#include <criterion/criterion.h>
#include <string.h>

#include "app/monitor/host.h"
#include "lib/base/attr.h"
#include "lib/base/metric.h"

Test(host, adds_up_the_cpu_s_time)
{
	struct host_cpu cpu = { 0 };

	cr_assert(host_cpu_parse("cpu  10 20 30 400 50 1 2 3 7 8\ncpu0 1 2 3\n", &cpu));
	cr_assert_eq(cpu.used, 10 + 20 + 30 + 1 + 2 + 3);
	cr_assert_eq(cpu.all, cpu.used + 400 + 50);
}

Test(host, refuses_what_is_no_such_file)
{
	static const char *const texts[] = { "", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  1 2 3\n",
		"cpu  1 2 3 4 5 6 7 -8\n", "cpu  1 2 3 4 5 6 7 99999999999999999999\n" };
	struct host_cpu cpu;

	for (size_t i = 0; i < N(texts); i++)
		cr_assert_not(host_cpu_parse(texts[i], &cpu), "%s", texts[i]);
}

Test(host, compares_two_looks)
{
	const struct host_cpu was = { 100, 1000 }, is = { 150, 1200 }, back = { 90, 1300 };

	cr_assert_eq(host_cpu_ratio(&was, &is), 0.25);
	cr_assert_eq(host_cpu_ratio(&was, &was), 0);
	cr_assert_eq(host_cpu_ratio(&is, &was), 0);
	cr_assert_eq(host_cpu_ratio(&was, &back), 0);
}

Test(host, tells_how_much_memory_is_used)
{
	cr_assert_eq(
	    host_memory_ratio("MemTotal:   1000 kB\nMemFree:  1 kB\nMemAvailable: 250 kB\n"), 0.75);
	cr_assert_lt(host_memory_ratio(""), 0);
	cr_assert_lt(host_memory_ratio("MemTotal: 0 kB\nMemAvailable: 0 kB\n"), 0);
	cr_assert_lt(host_memory_ratio("MemTotal: 10 kB\n"), 0);
}

Test(host, sets_the_gauges_of_this_machine)
{
	struct host_cpu cpu = { 0 };

	host_look(&cpu, "/tmp");
	cr_assert_gt(cpu.all, 0);
	cr_assert_gt(metric_get(M_HOST_MEMORY), 0);
	cr_assert_lt(metric_get(M_HOST_MEMORY), 1);
	cr_assert_gt(metric_get(M_DISK_SIZE), metric_get(M_DISK_FREE));
	host_look(&cpu, "/nonexistent");
	cr_assert_gt(metric_get(M_DISK_SIZE), 0);
}
