/* SPDX-License-Identifier: MIT */
/*
 * found/lists.c - choices that made a search fail when the engine was wrong: every search
 * of that name begins with them. Entries are never taken out.
 *
 * A list names threads and steps, so it drifts when code gains or loses a step: what it still
 * shows is that its run ends well. The bug itself is guarded by the test that found it.
 */
#include "sim/sim.h"

const struct crew__sim_found crew__sim_found[] = {
	{ "computing_2",
	  "0.33>2,2.11>3,3.34>0,2.15>3,3.53>0,0.52>2,2.24>3,3.61>0,0.56>2,2.51>3,3.67=2",
	  "a worker about to sleep took a bit for set that had been cleared: no fence before it "
	  "looked (idle.c, be_hungry)" },
	{ "crowd_3", "0.31>2,0.62>2,2.1071>0,0.79>4,4.4=1,4.15=1,4.22>3",
	  "HARD: who steals first was not counted as a searcher, and a sleeper trusted it (I3)" },
	{ NULL, NULL, NULL },
};
