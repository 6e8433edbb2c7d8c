/*
 * Addresses of clients, as text: who is on this machine, and what of an address may be
 * kept in a log.
 */
#ifndef LIB_HTTP_PEER_H
#define LIB_HTTP_PEER_H

#include <stdbool.h>

#define PEER_TEXT_SIZE 46

/* 127.0.0.0/8, ::1, and the former as IPv4-mapped. */
bool peer_is_loopback(const char *address);

/* Writes the network that address is in: /24 of IPv4, /48 of IPv6, the other bits 0. Returns
 * text; NULL: not an address. */
const char *peer_network(const char *address, char text[PEER_TEXT_SIZE]);

#endif
