/* SPDX-License-Identifier: MIT */
/*
 * random.h - a small generator. The seed is given, never taken: whoever wants
 * randomness asks port/ for a seed or for a choice.
 *
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators"
 * (2014), the SplitMix64 step.
 */
#ifndef CREW__RANDOM_H
#define CREW__RANDOM_H

#include <stdint.h>

static inline uint64_t crew__random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

/* A number that another `with`, or another order of them, makes another one. */
static inline void crew__random_mix(uint64_t *number, uint64_t with)
{
	*number ^= with;
	*number = crew__random(number);
}

/* 0 <= result < bound, by multiplication instead of division. */
static inline uint32_t crew__random_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)(((crew__random(state) >> 32) * bound) >> 32);
}

#endif /* CREW__RANDOM_H */
