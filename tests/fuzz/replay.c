/*
 * Runs a fuzz target without libFuzzer, the same way each time: every file of its corpus,
 * whole, cut short at every place, and with every byte changed in turn.
 */
#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Cutting and changing take time in the square of the size. */
#define MUTATED_MAX 2048
#define FOLDER_SIZE 4096

static size_t inputs;

/* A copy of its own size, so that AddressSanitizer sees a read past its end. */
static void
run(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert(copy);
	memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	inputs++;
}

static void
run_mutated(uint8_t *data, size_t n)
{
	static const uint8_t flips[] = { 0x01, 0x20, 0x80, 0xff };

	run(data, n);
	if (n > MUTATED_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		run(data, i);
		for (size_t flip = 0; flip < sizeof(flips); flip++) {
			data[i] ^= flips[flip];
			run(data, n);
			data[i] ^= flips[flip];
		}
	}
}

static void
run_file(const char *folder, const char *name)
{
	static uint8_t data[1 << 20];
	char path[FOLDER_SIZE + NAME_MAX + 1];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	assert(f);
	n = fread(data, 1, sizeof(data), f);
	(void)fclose(f);
	run_mutated(data, n);
}

/* The corpus of fuzz target X, when this program is replay_X, or the folder that is named. */
static void
find_corpus(int argc, char **argv, char *ret_folder, size_t size)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strrchr(argv[0], '_');

	if (argc > 1)
		(void)snprintf(ret_folder, size, "%s", argv[1]);
	else
		(void)snprintf(ret_folder, size, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		    name ? name + 1 : argv[0]);
}

int
main(int argc, char **argv)
{
	char folder[FOLDER_SIZE];
	struct dirent *entry;
	DIR *d;

	find_corpus(argc, argv, folder, sizeof(folder));
	d = opendir(folder);
	if (!d) {
		perror(folder);
		return 1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			run_file(folder, entry->d_name);
	}
	(void)closedir(d);
	(void)printf("%zu inputs\n", inputs);
	return inputs == 0;
}
