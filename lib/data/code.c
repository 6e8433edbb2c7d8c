#include "lib/data/code.h"

#include <assert.h>
#include <sodium.h>

void
code_draw(int length, char code[CODE_MAX + 1])
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";

	assert(length >= 4 && length <= 32);
	/* randombytes_uniform rejects what would favour some letters. */
	for (int i = 0; i < length; i++)
		code[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	code[length] = '\0';
}
