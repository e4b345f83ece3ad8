/*
 * One kind of use of the library, in random steps, each with its model of what must be true; a thread
 * may mix the steps of several kinds.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PART_H
#define PART_H

#include <stddef.h>
#include <stdint.h>

struct part {
  const char *shows;
  size_t      size; /* of what a thread has of its own, all zero in the beginning */
  void (*step)(void *own, uint64_t *random);
  void (*end)(void *own, uint64_t *random); /* the thread is about to exit */
  void (*clear)(void);                      /* all threads are gone: frees what they left */
};

extern const struct part exchange_part, scopes_part;

/* The state, of which each thread has one, is anything but 0. */
static inline uint64_t
next_random(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state * 0x2545f4914f6cdd1du;
}

static inline unsigned
below(uint64_t *random, unsigned limit)
{
  return (unsigned)(next_random(random) >> 33) % limit;
}

/* The state of the thread of that number. */
static inline uint64_t
random_of(uint64_t number)
{
  return (number + 1) * 0x9e3779b97f4a7c15u;
}

#endif
