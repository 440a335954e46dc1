/* expect: a flight is given up while somebody waits for a call: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/flight.h"

static struct crew_flight flight;

static int sleep_on(void *arg, void **value)
{
	(void)arg;
	(void)value;
	return crew_sleep(CREW_NEVER);
}

static int want(void *arg)
{
	(void)arg;
	return crew_flight_do(&flight, "k", 1, sleep_on, NULL, NULL, NULL);
}

static int give_it_up(void *arg)
{
	struct crew_flight_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < 2; i++) {
		crew_group_spawn_task(&group, want, arg, CREW_TASK(.name = "left behind"), NULL);
		while (stats.calls + stats.waiting == i) {
			crew_yield();
			crew_flight_read_stats(&flight, &stats);
		}
	}
	crew_flight_fini(&flight);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
