/* Random numbers, the same in every run. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "work.h"

/* The state starts as any number but 0. */
uint64_t random_next(uint64_t *state);

/* A size within `sizes`, log-uniform: as often between 16 and 32 as between 512 and 1024. */
size_t random_size(uint64_t *state, struct sizes sizes);

/* What such a size is on average. */
double random_size_mean(struct sizes sizes);

void random_shuffle(uint64_t *state, void **items, size_t count);

#endif /* RANDOM_H */
