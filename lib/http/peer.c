#include "lib/http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

_Static_assert(PEER_TEXT_SIZE == INET6_ADDRSTRLEN, "any address fits");

enum { MAPPED_BYTES = 12, KEPT_BYTES_IPV4 = 3, KEPT_BYTES_IPV6 = 6 };

static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

/* Reads either kind; an IPv4 address as IPv4-mapped IPv6. */
static bool
parse(const char *text, struct in6_addr *ret)
{
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	if (inet_pton(AF_INET, text, mapped.s6_addr + MAPPED_BYTES) != 1)
		return false;
	*ret = mapped;
	return true;
}

bool
peer_is_loopback(const char *address)
{
	struct in6_addr a;

	if (!parse(address, &a))
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return a.s6_addr[MAPPED_BYTES] == IN_LOOPBACKNET;
	return memcmp(&a, &loopback, sizeof(a)) == 0;
}

const char *
peer_network(const char *address, char text[PEER_TEXT_SIZE])
{
	struct in6_addr a;
	bool ipv4;
	size_t kept;

	if (!parse(address, &a))
		return NULL;
	ipv4 = IN6_IS_ADDR_V4MAPPED(&a);
	kept = ipv4 ? MAPPED_BYTES + KEPT_BYTES_IPV4 : KEPT_BYTES_IPV6;
	memset(a.s6_addr + kept, 0, sizeof(a) - kept);
	if (ipv4)
		return inet_ntop(AF_INET, a.s6_addr + MAPPED_BYTES, text, PEER_TEXT_SIZE);
	return inet_ntop(AF_INET6, &a, text, PEER_TEXT_SIZE);
}
