/* A block of another heap, which lies in a mapping of its own, is freed.
 *
 * default:  found free of %p: stuballoc did not give it out
 * hardened: found free of %p: stuballoc did not give it out
 * SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <sys/mman.h>

int
main(void)
{
  char *heap = mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  free(with(heap + (1 << 21) + 64));
  go_on(48);
  return MISSED;
}
