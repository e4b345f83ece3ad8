/* What the tests' library is made of on Windows alone. SPDX-License-Identifier: MIT */
#include "unit.h"

jmp_buf cmocka_leave;

/* Nothing forks on Windows, so a test that needs a child of its own is skipped. */
struct child
child_run(void (*body)(void *), void *argument)
{
  (void)body, (void)argument;
  skip();
}
