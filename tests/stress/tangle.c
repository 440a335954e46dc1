/* SPDX-License-Identifier: MIT */
/*
 * tangle.c - random programs over what scopes and groups can do (support/tangle.h), on real
 * threads.
 *
 *	SECONDS=8 SEED=n tangle
 */
#include "stress/stress.h"

#define TANGLE_CHECK(condition, message) ((condition) ? (void)0 : die(message, __LINE__, 0))
#include "support/tangle.h"

#include <pthread.h>

static void *release_main(void *arg)
{
	tangle_release(*(uint64_t *)arg);
	return NULL;
}

static void *join_main(void *arg)
{
	tangle_join_given(*(uint64_t *)arg);
	return NULL;
}

static void run(struct crew *crew)
{
	struct tangle_node *root;
	pthread_t threads[2];

	tangle_begin(crew);
	if (pthread_create(&threads[0], NULL, release_main, &stress_seed) ||
	    pthread_create(&threads[1], NULL, join_main, &stress_seed))
		die("a thread was refused", 0, 0);
	root = tangle_make(NULL, stress_seed);
	if (stress_seed % 4 == 0)
		tangle_run(root);
	else
		crew_run(crew, tangle_run, root);
	if (!root->ended)
		die("the root did not run", 0, 0);
	tangle_end();
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

int main(void)
{
	crew_time end;
	long programs = 0;

	stress_choose_seed();
	end = crew_now() + stress_length();
	while (crew_now() < end) {
		struct crew *crew;

		if (crew_start(&crew, CREW_OPTIONS(.workers = 1 + stress_seed % 3)))
			die("start", 0, 0);
		for (int i = 0; i < 50; i++, programs++, stress_seed++)
			run(crew);
		if (crew_stop(crew))
			die("stop", 0, 0);
	}
	printf("%ld programs\n", programs);
	return 0;
}
