/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel.h - algorithms that use all workers.
 *
 *	crew/parallel_for.h	loops over ranges, blocks and arrays; map; several calls
 *	crew/parallel_reduce.h	sums and the like, the least and the greatest, histograms
 *	crew/parallel_array.h	find, copy what passes, partition, running sums
 *	crew/parallel_sort.h	sort, for any type; merge
 *	crew/parallel_pipeline.h	items that pass through stages
 *	crew/parallel_divide.h	problems that are divided until they are small
 *
 * What they have in common is said in crew/parallel_for.h.
 */
#ifndef CREW_PARALLEL_H
#define CREW_PARALLEL_H

#include "crew/parallel_array.h"
#include "crew/parallel_divide.h"
#include "crew/parallel_for.h"
#include "crew/parallel_pipeline.h"
#include "crew/parallel_reduce.h"
#include "crew/parallel_sort.h"

#endif /* CREW_PARALLEL_H */
