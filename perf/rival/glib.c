/* SPDX-License-Identifier: MIT */
/*
 * glib.c - GThreadPool: no joins and no waiting in tasks, so only what a plain
 * pool can do: a million empty tasks from one of its threads or from outside,
 * and the latency of a wake-up; and GAsyncQueue from a thread to another.
 */
#include "../common.h"

#include <glib.h>

static GThreadPool *pool;
static GMutex mutex;
static GCond ended;
static int left; /* tasks, counted by atomics; the last one signals */

enum {
	EMPTY = 1,
	SPAWN_ALL = 2
};

static void spawn_all(void)
{
	for (int i = 0; i < FLAT_TASKS; i++)
		g_thread_pool_push(pool, GINT_TO_POINTER(EMPTY), NULL);
}

static void task(gpointer data, gpointer user)
{
	(void)user;
	if (data == GINT_TO_POINTER(SPAWN_ALL))
		spawn_all();
	else if (data != GINT_TO_POINTER(EMPTY))
		*(crew_time *)data = crew_bench_now();
	if (g_atomic_int_dec_and_test(&left)) {
		g_mutex_lock(&mutex);
		g_cond_signal(&ended);
		g_mutex_unlock(&mutex);
	}
}

static void wait_all(void)
{
	g_mutex_lock(&mutex);
	while (g_atomic_int_get(&left) > 0)
		g_cond_wait(&ended, &mutex);
	g_mutex_unlock(&mutex);
}

static void wake_one(crew_time *stamp)
{
	g_atomic_int_set(&left, 1);
	g_thread_pool_push(pool, stamp, NULL);
	wait_all();
}

static void make_pool(long workers)
{
	crew_time stamp;

	if (!pool)
		pool = g_thread_pool_new(task, NULL, (int)workers, TRUE, NULL);
	for (int i = 0; i < 1000; i++)
		wake_one(&stamp);
}

static crew_time flat(uint64_t n, long workers)
{
	crew_time begin;

	make_pool(workers);
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++) {
		g_atomic_int_set(&left, FLAT_TASKS + 1);
		g_thread_pool_push(pool, GINT_TO_POINTER(SPAWN_ALL), NULL);
		wait_all();
	}
	begin = crew_bench_now() - begin;
	peak_memory("flat.rss");
	return begin;
}

static crew_time flat_thread(uint64_t n, long workers)
{
	crew_time begin;

	make_pool(workers);
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++) {
		g_atomic_int_set(&left, FLAT_TASKS);
		spawn_all();
		wait_all();
	}
	return crew_bench_now() - begin;
}

static crew_time wake(uint64_t n, long workers)
{
	(void)n;
	make_pool(workers);
	wake_latency(wake_one);
	return 0;
}

static crew_time idle(uint64_t n, long workers)
{
	(void)n;
	make_pool(workers);
	idle_cpu("idle");
	return 0;
}

/* ---- GAsyncQueue, between two threads ------------------------------------------------ */

static GAsyncQueue *queue;

static gpointer push_all(gpointer count)
{
	for (uint64_t i = 0; i < *(uint64_t *)count; i++)
		g_async_queue_push(queue, GSIZE_TO_POINTER(i + 1));
	return NULL;
}

static crew_time channel_thread(uint64_t n, long workers)
{
	crew_time begin = crew_bench_now();
	GThread *thread;

	(void)workers;
	queue = queue ? queue : g_async_queue_new();
	thread = g_thread_new("pushes", push_all, &n);
	for (uint64_t i = 0; i < n; i++)
		g_async_queue_pop(queue);
	g_thread_join(thread);
	return crew_bench_now() - begin;
}

static const struct crew_bench benches[] = {
	{ .name = "flat", .fn = flat, .param = 2, .divisor = FLAT_TASKS, .n = 1, .fresh = true },
	{ .name = "flat_thread",
	  .fn = flat_thread,
	  .param = 2,
	  .divisor = FLAT_TASKS,
	  .n = 1,
	  .fresh = true },
	{ .name = "channel.thread", .fn = channel_thread, .param = 2 },
	{ .name = "wake", .fn = wake, .param = 2, .n = 1, .fresh = true },
	{ .name = "idle", .fn = idle, .param = 2, .n = 1, .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "glib", benches, sizeof(benches) / sizeof(*benches));
}
