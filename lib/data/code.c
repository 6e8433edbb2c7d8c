#include "lib/data/code.h"

#include <assert.h>
#include <sodium.h>

/* Bytes drawn at a time: each is a system call, and most codes need no second one. */
enum { DRAWN = 16 };

void
code_draw(int length, char code[CODE_MAX + 1])
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	unsigned char drawn[DRAWN];
	int n = 0;

	assert(length >= 4 && length <= 32);
	while (n < length) {
		randombytes_buf(drawn, sizeof(drawn));
		/* Six bits make a letter; what is beyond the alphabet is rejected, so that no
		 * letter is favoured. */
		for (int i = 0; i < DRAWN && n < length; i++)
			if ((drawn[i] & 63) < sizeof(alphabet) - 1)
				code[n++] = alphabet[drawn[i] & 63];
	}
	code[length] = '\0';
}
