#include <criterion/criterion.h>

#include "lib/base/attr.h"
#include "lib/http/peer.h"

Test(peer, knows_this_machine)
{
	static const char *const here[] = { "127.0.0.1", "127.255.255.254", "::1",
		"::ffff:127.0.0.1", "0:0:0:0:0:0:0:1" };
	size_t i;

	for (i = 0; i < N(here); i++)
		cr_assert(peer_is_loopback(here[i]), "%s", here[i]);
}

Test(peer, takes_nothing_else_for_this_machine)
{
	static const char *const elsewhere[] = { "", "128.0.0.1", "10.127.0.1", "0.0.0.0",
		"::", "::2", "::ffff:126.0.0.1", "::127.0.0.1", "1::1", "127.1", "127.0.0.1 ",
		"127.0.0.1,::1", "localhost", "unix:", "0x7f.0.0.1", "::1%lo", "fe80::1" };
	size_t i;

	for (i = 0; i < N(elsewhere); i++)
		cr_assert_not(peer_is_loopback(elsewhere[i]), "%s", elsewhere[i]);
}

static const struct {
	const char *address, *network;
} networks[] = {
	{ "192.0.2.77", "192.0.2.0" },
	{ "255.255.255.255", "255.255.255.0" },
	{ "::ffff:192.0.2.77", "192.0.2.0" },
	{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::" },
	{ "::1", "::" },
	{ "fe80::1", "fe80::" },
};

Test(peer, forgets_the_host_part)
{
	char text[PEER_TEXT_SIZE];
	size_t i;

	for (i = 0; i < N(networks); i++)
		cr_assert_str_eq(peer_network(networks[i].address, text), networks[i].network);
}

Test(peer, has_no_network_for_what_is_no_address)
{
	char text[PEER_TEXT_SIZE];

	cr_assert_null(peer_network("", text));
	cr_assert_null(peer_network("unix:", text));
	cr_assert_null(peer_network("1.2.3", text));
	cr_assert_null(peer_network("1.2.3.4.5", text));
}
