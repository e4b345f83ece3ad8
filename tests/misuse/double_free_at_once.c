/* Two threads free the same block at the same moment; both go on.
 *
 * default:  may miss
 * hardened: found (?:free of %p: (?:this block is free already: in places of 208 bytes|it was written to past its end: 200 bytes), .*|malloc of %p: it was freed twice: 200 bytes, allocated by thread [23])
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

static pthread_barrier_t both;

static void *
free_it(void *block)
{
  enum { BLOCKS = 4096 };
  free(malloc(200)); /* as a thread that has allocated before */
  pthread_barrier_wait(&both);
  free(block);
  pthread_barrier_wait(&both); /* each has it in its list now, or one of them knows better */
  for (int i = 0; i < BLOCKS; i++)
    memset(malloc(200), 0, 200);
  return NULL;
}

int
main(void)
{
  pthread_t one, other;
  char     *block = with(malloc(200));
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&one, NULL, free_it, block);
  pthread_create(&other, NULL, free_it, block);
  pthread_join(one, NULL);
  pthread_join(other, NULL);
  return MISSED;
}
