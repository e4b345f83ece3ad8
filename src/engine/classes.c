#include "engine/classes.h"

/* Four classes, `step` bytes apart, above the size `from`. */
#define FOUR(step, from, class)                                                                    \
  [(from) + 1 ...(from) + (step)] = (class),                                                       \
  [(from) + (step) + 1 ...(from) + 2 * (step)] = (class) + 1,                                      \
  [(from) + 2 * (step) + 1 ...(from) + 3 * (step)] = (class) + 2,                                  \
  [(from) + 3 * (step) + 1 ...(from) + 4 * (step)] = (class) + 3

const uint8_t sa_small_classes[SA_SMALL + 1] = {
  [0 ... 8] = 0,      [9 ... 16] = 1,      [17 ... 32] = 2,     [33 ... 48] = 3,
  [49 ... 64] = 4,    FOUR(16, 64, 5),     FOUR(16, 128, 9),    FOUR(16, 192, 13),
  FOUR(32, 256, 17),  FOUR(32, 384, 21),   FOUR(64, 512, 25),   FOUR(64, 768, 29),
};

const uint8_t sa_larger_classes[SA_CLASS_MAX / 128 + 1] = {
  FOUR(1, 8, 33),    FOUR(1, 12, 37),   FOUR(2, 16, 41),   FOUR(2, 24, 45),
  FOUR(4, 32, 49),   FOUR(4, 48, 53),   FOUR(8, 64, 57),   FOUR(8, 96, 61),
  FOUR(16, 128, 65), FOUR(16, 192, 69), FOUR(32, 256, 73), FOUR(32, 384, 77),
};
