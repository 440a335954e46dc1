/* SPDX-License-Identifier: MIT */
/*
 * crew.h - all of crew.
 *
 * crew runs tasks on a fixed pool of OS threads that steal work from each
 * other, and keeps them structured: a task lives in a group, a group lives in
 * a block of code, and the block is left only when its tasks have ended.
 *
 *	#include <crew/crew.h>	the core: executor, time, task, scope, hook, group, error
 *	#include <crew.h>	everything
 */
#ifndef CREW_ALL_H
#define CREW_ALL_H

#include "crew/crew.h"
#include "crew/barrier.h"
#include "crew/broadcast.h"
#include "crew/channel.h"
#include "crew/condition.h"
#include "crew/event.h"
#include "crew/flight.h"
#include "crew/fork.h"
#include "crew/guard.h"
#include "crew/keyed_lock.h"
#include "crew/latch.h"
#include "crew/limiter.h"
#include "crew/lock.h"
#include "crew/lot.h"
#include "crew/notify.h"
#include "crew/once.h"
#include "crew/parallel.h"
#include "crew/rate.h"
#include "crew/rwlock.h"
#include "crew/select.h"
#include "crew/semaphore.h"
#include "crew/ticker.h"

#endif /* CREW_ALL_H */
