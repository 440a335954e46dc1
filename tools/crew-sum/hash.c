/* SPDX-License-Identifier: MIT */
/*
 * hash.c - the five digests: four from libcrypto, one from xxhash.
 *
 * Looking an algorithm up in libcrypto takes locks and walks providers, so it is
 * done once (hash_prepare()); a hasher keeps its context for all its files.
 */
#include "crew-sum.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct algorithm algorithms[] = {
	{ "sha256", "SHA2-256", "SHA256", 32, true, "-" },
	{ "sha1", "SHA1", "SHA1", 20, true, "-" },
	{ "md5", "MD5", "MD5", 16, true, "-" },
	{ "xxh64", NULL, "XXH64", 8, false, "stdin" },
	{ "blake2b512", "BLAKE2B-512", "BLAKE2b", 64, true, "-" },
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

struct hasher {
	EVP_MD_CTX *evp; /* NULL: xxhash */
	XXH64_state_t xxh;
};

/* Written once, before there are tasks. */
static EVP_MD *fetched;

const struct algorithm *algorithm_find(const char *name)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

const char *algorithm_names(void)
{
	static char names[128];
	size_t used = 0;

	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 i > 0 ? ", " : "", algorithms[i].name);
	return names;
}

bool hash_prepare(const struct algorithm *algorithm)
{
	if (algorithm->fetch == NULL)
		return true;
	fetched = EVP_MD_fetch(NULL, algorithm->fetch, NULL);
	return fetched != NULL;
}

struct hasher *hasher_new(const struct algorithm *algorithm)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (hasher == NULL)
		out_of_memory();
	if (algorithm->fetch != NULL) {
		hasher->evp = EVP_MD_CTX_new();
		if (hasher->evp == NULL)
			out_of_memory();
	}
	return hasher;
}

void hasher_free(struct hasher *hasher)
{
	EVP_MD_CTX_free(hasher->evp);
	free(hasher);
}

/* With a fetched digest and a context the three steps fail only for lack of memory. */

void hasher_begin(struct hasher *hasher)
{
	if (hasher->evp == NULL)
		XXH64_reset(&hasher->xxh, 0);
	else if (!EVP_DigestInit_ex2(hasher->evp, fetched, NULL))
		out_of_memory();
}

void hasher_add(struct hasher *hasher, const void *data, size_t bytes)
{
	if (hasher->evp == NULL)
		XXH64_update(&hasher->xxh, data, bytes);
	else if (!EVP_DigestUpdate(hasher->evp, data, bytes))
		out_of_memory();
}

void hasher_end(struct hasher *hasher, unsigned char *digest)
{
	if (hasher->evp == NULL) {
		XXH64_canonical_t canonical;

		XXH64_canonicalFromHash(&canonical, XXH64_digest(&hasher->xxh));
		memcpy(digest, canonical.digest, sizeof(canonical.digest));
	} else if (!EVP_DigestFinal_ex(hasher->evp, digest, NULL)) {
		out_of_memory();
	}
}
