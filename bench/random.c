#include "random.h"

#include <math.h>

uint64_t
random_next(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

size_t
random_size(uint64_t *state, struct sizes sizes)
{
  double fraction = (double)(random_next(state) >> 11) * 0x1p-53;
  double range = (double)sizes.most / (double)sizes.least;
  return (size_t)((double)sizes.least * pow(range, fraction));
}

double
random_size_mean(struct sizes sizes)
{
  double least = (double)sizes.least, most = (double)sizes.most;
  return sizes.least == sizes.most ? least : (most - least) / log(most / least);
}

void
random_shuffle(uint64_t *state, void **items, size_t count)
{
  for (size_t left = count; left > 1; left--) {
    size_t other = random_next(state) % left;
    void  *item = items[left - 1];
    items[left - 1] = items[other];
    items[other] = item;
  }
}
