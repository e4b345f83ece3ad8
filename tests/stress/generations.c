/*
 * Generations of threads, one after the other, take random steps of one kind: PART, a macro.
 *
 * Usage: exchange|scopes [steps]
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"
#include "stuballoc.h"

enum { THREADS = 4, GENERATIONS = 5, OWN = 4096 };

static unsigned long steps = 20000;

static void *
work(void *number)
{
  _Alignas(16) char own[OWN] = "";
  uint64_t          random = random_of((uintptr_t)number);
  for (unsigned long i = 0; i < steps; i++)
    PART.step(own, &random);
  PART.end(own, &random);
  return NULL;
}

int
main(int argc, char **argv)
{
  if (argc > 1)
    steps = strtoul(argv[1], NULL, 10);
  if (PART.size > OWN)
    return 1;
  uintptr_t number = 0;
  for (int generation = 0; generation < GENERATIONS; generation++) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
      pthread_create(&threads[i], NULL, work, (void *)number++);
    for (int i = 0; i < THREADS; i++)
      pthread_join(threads[i], NULL);
    if (generation % 2)
      sa_trim();
  }
  PART.clear();
  printf("1..1\nok 1 - %s\n", PART.shows);
  return 0;
}
