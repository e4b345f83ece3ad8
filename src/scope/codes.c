/* What codes mean, written out by the compiler. */
#include "scope/scope.h"

#define EIGHT(of, n)                                                                               \
  of(n), of((n) + 1), of((n) + 2), of((n) + 3), of((n) + 4), of((n) + 5), of((n) + 6), of((n) + 7)

/* --- up to 64 granules: a code each ----------------------------------------------------------- */

#define CODE(granules) [granules] = (granules)
#define SIZE_OF(code) [code] = (code)*SA_GRANULE

/* --- then eight codes to each doubling, from so many granules on ------------------------------ */

#define STEP(from) ((from) / 8)
#define RANGE(from, code, n)                                                                       \
  [(from) + (n)*STEP(from) + 1 ...(from) + ((n) + 1) * STEP(from)] = (code) + (n)
#define RANGES(from, code)                                                                         \
  RANGE(from, code, 0), RANGE(from, code, 1), RANGE(from, code, 2), RANGE(from, code, 3),          \
    RANGE(from, code, 4), RANGE(from, code, 5), RANGE(from, code, 6), RANGE(from, code, 7)

#define SIZE(from, code, n) [(code) + (n)] = ((from) + ((n) + 1) * STEP(from)) * SA_GRANULE
#define SIZES(from, code)                                                                          \
  SIZE(from, code, 0), SIZE(from, code, 1), SIZE(from, code, 2), SIZE(from, code, 3),              \
    SIZE(from, code, 4), SIZE(from, code, 5), SIZE(from, code, 6), SIZE(from, code, 7)

const struct sa_codes sa_codes = {
  .code_of =
    {
      [0] = 1,
      EIGHT(CODE, 1),
      EIGHT(CODE, 9),
      EIGHT(CODE, 17),
      EIGHT(CODE, 25),
      EIGHT(CODE, 33),
      EIGHT(CODE, 41),
      EIGHT(CODE, 49),
      EIGHT(CODE, 57),
      RANGES(64, 65),
      RANGES(128, 73),
      RANGES(256, 81),
      RANGES(512, 89),
    },
  .size =
    {
      EIGHT(SIZE_OF, 1),
      EIGHT(SIZE_OF, 9),
      EIGHT(SIZE_OF, 17),
      EIGHT(SIZE_OF, 25),
      EIGHT(SIZE_OF, 33),
      EIGHT(SIZE_OF, 41),
      EIGHT(SIZE_OF, 49),
      EIGHT(SIZE_OF, 57),
      SIZES(64, 65),
      SIZES(128, 73),
      SIZES(256, 81),
      SIZES(512, 89),
      SIZES(1024, 97),
      SIZES(2048, 105),
    },
};
