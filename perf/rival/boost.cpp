// SPDX-License-Identifier: MIT
/*
 * boost.cpp - Boost.Fiber and Boost.Context: tasks that wait. On one thread the
 * default round robin scheduler, on two work_stealing, which sleeps when idle.
 *
 *	switch	  jump_fcontext, one way
 *	yield	  two fibers of one thread take turns
 *	pingpong  two fibers, two unbuffered channels, there and back
 *	park	  30,000 fibers wait at one gate: to make one, to wake one, bytes
 */
#include "../common.h"

#include <boost/context/detail/fcontext.hpp>
#include <boost/fiber/all.hpp>

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#define PARKED 30000

namespace context = boost::context::detail;
namespace fibers = boost::fibers;

static void jump_back(context::transfer_t from)
{
	for (;;)
		from = context::jump_fcontext(from.fctx, NULL);
}

static crew_time jump(uint64_t n, long)
{
	static char stack[65536];
	context::transfer_t to = {
		context::make_fcontext(stack + sizeof(stack), sizeof(stack), jump_back), NULL
	};
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		to = context::jump_fcontext(to.fctx, NULL);
	return crew_bench_now() - begin;
}

static crew_time yield(uint64_t n, long)
{
	auto loop = [n] {
		for (uint64_t i = 0; i < n; i += 2)
			boost::this_fiber::yield();
	};
	crew_time begin = crew_bench_now();
	fibers::fiber one(loop), two(loop);

	one.join();
	two.join();
	return crew_bench_now() - begin;
}

/* There and back n times, by two fibers of the calling thread's scheduler. */
static crew_time round_trips(uint64_t n)
{
	fibers::unbuffered_channel<int> there, back;
	crew_time took = 0;
	fibers::fiber pong([&] {
		int value;

		while (there.pop(value) == fibers::channel_op_status::success)
			back.push(value + 1);
	});
	fibers::fiber ping([&] {
		crew_time begin = crew_bench_now();
		int value = 0;

		for (uint64_t i = 0; i < n; i++) {
			there.push(value);
			back.pop(value);
		}
		took = crew_bench_now() - begin;
		there.close();
	});

	ping.join();
	pong.join();
	return took;
}

static crew_time pingpong(uint64_t n, long workers)
{
	static std::unique_ptr<std::thread> other;
	static fibers::mutex lock;
	static fibers::condition_variable never;

	if (workers == 2 && !other) {
		other = std::make_unique<std::thread>([] {
			std::unique_lock<fibers::mutex> held(lock);

			fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2, true);
			never.wait(held);
		});
		fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2, true);
	}
	return round_trips(n);
}

static crew_time park(uint64_t, long)
{
	std::vector<fibers::fiber> all;
	fibers::mutex lock;
	fibers::condition_variable gate;
	bool open = false;
	double before = memory_now();
	crew_time begin = crew_bench_now();

	all.reserve(PARKED);
	for (int i = 0; i < PARKED; i++)
		all.emplace_back(fibers::launch::dispatch, std::allocator_arg,
				 fibers::fixedsize_stack(16384), [&] {
					 std::unique_lock<fibers::mutex> held(lock);

					 gate.wait(held, [&] { return open; });
				 });
	crew_bench_value("park.create", "ns", (double)(crew_bench_now() - begin) / PARKED);
	crew_bench_value("park.bytes", "B", (memory_now() - before) / PARKED);
	begin = crew_bench_now();
	{
		std::unique_lock<fibers::mutex> held(lock);

		open = true;
		gate.notify_all();
	}
	for (auto &fiber : all)
		fiber.join();
	crew_bench_value("park.wake", "ns", (double)(crew_bench_now() - begin) / PARKED);
	return 0;
}

static const struct crew_bench benches[] = {
	{ "switch", jump, 0, NULL, 2, 0, false },
	{ "yield", yield, 1, NULL, 0, 0, false },
	{ "pingpong.1w", pingpong, 1, NULL, 0, 0, false },
	{ "pingpong.2w", pingpong, 2, NULL, 0, 0, false },
	{ "park", park, 1, NULL, 0, 1, true },
};

int main(int argc, char **argv)
{
	int rc = crew_bench_main(argc, argv, "boost", benches, sizeof(benches) / sizeof(*benches));

	fflush(stdout);
	_exit(rc); /* the other thread waits for ever */
}
