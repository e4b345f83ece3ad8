#include <stdio.h>
#include <stuballoc.h>

int
main(void)
{
  char *block = sa_malloc(64);
  if (!block)
    return 1;
  snprintf(block, 64, "hello from a block of %zu bytes", sa_usable_size(block));
  puts(block);
  sa_free(block);
}
