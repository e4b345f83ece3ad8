/* What cmocka's names keep apart from the rest. SPDX-License-Identifier: MIT */
#include "../section/processes.h"

#include "left.h"

unsigned
left_names(void)
{
  return names_left();
}

unsigned
left_descriptors_and_mappings(void)
{
  return descriptors_and_mappings();
}
