/* SPDX-License-Identifier: MIT */
/* alloc.h - the only caller of malloc; tests make the k-th call fail. */
#ifndef CREW__ALLOC_H
#define CREW__ALLOC_H

#include <stddef.h>

/* Zeroed memory, or NULL. */
void *crew__alloc(size_t bytes);
void crew__free(void *memory);
/* The count-th call from now returns NULL; 0: none. Not while a crew runs. */
void crew__alloc_fail_after(unsigned long count);

#endif /* CREW__ALLOC_H */
