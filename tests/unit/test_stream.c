#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/data/stream.h"

static int ends[2];

static void
set_up(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void
tear_down(void)
{
	close(ends[0]);
	close(ends[1]);
}

TestSuite(stream, .init = set_up, .fini = tear_down, .timeout = 30);

static int64_t
in_ms(int64_t ms)
{
	return clock_mono_us() + ms * 1000;
}

Test(stream, sends_more_than_the_socket_holds)
{
	enum { BYTES = 8 << 20 };
	char *bytes = calloc(1, BYTES);
	size_t total = 0, n;

	if (fork() == 0)
		_exit(stream_send(ends[1], bytes, BYTES, in_ms(20000)) != ERR_OK);
	while (total < BYTES) {
		cr_assert_eq(stream_receive(ends[0], bytes, BYTES, in_ms(20000), &n), ERR_OK);
		total += n;
	}
	free(bytes);
	cr_assert_eq(total, BYTES);
	cr_assert_not(stream_has_input(ends[0]));
}

Test(stream, gives_up_on_a_peer_that_does_not_read)
{
	enum { BYTES = 8 << 20 };
	char *bytes = calloc(1, BYTES);

	cr_assert_eq(stream_send(ends[0], bytes, BYTES, in_ms(100)), ERR_DEADLINE);
	free(bytes);
}

Test(stream, gives_up_on_a_peer_that_does_not_write)
{
	char byte;
	size_t n;

	cr_assert_eq(stream_receive(ends[0], &byte, 1, in_ms(50), &n), ERR_DEADLINE);
}

Test(stream, survives_a_peer_that_is_gone)
{
	char byte = 'x';
	size_t n;

	close(ends[1]);
	ends[1] = -1;
	cr_assert(stream_has_input(ends[0]));
	cr_assert_eq(stream_send(ends[0], &byte, 1, in_ms(1000)), ERR_UNAVAILABLE);
	cr_assert_eq(stream_receive(ends[0], &byte, 1, in_ms(1000), &n), ERR_UNAVAILABLE);
}
