/*
 * What STUBALLOC=publish=on lets other processes of the user read: the figures, as JSON, renewed
 * every second. tools/stuballoc-top knows this layout, too.
 */
#ifndef SA_PUBLISH_H
#define SA_PUBLISH_H

#include <stdatomic.h>
#include <stdint.h>

enum { SA_PUBLISHED = 1 << 20 };

struct sa_published {
  char     magic[8]; /* "sastats1", the last thing that is set at the beginning */
  uint64_t process;
  char     program[32];
  /* Only this process writes, on one thread, all that follows. Odd while it does: with release
   * before it goes on and after it is done. Who reads finds the same even number before and after. */
  _Atomic uint64_t sequence;
  uint64_t         nanoseconds; /* when, since any point */
  uint64_t         length;      /* of the text */
  char             text[];
};

#endif
