#include "engine/classes.h"

void
sa_class_table_fill(struct sa_class_table *table)
{
  for (size_t granules = 0; granules <= SA_CLASS_MAX / 16; granules++)
    table->class_of[granules] = (uint8_t)sa_class_of(granules * 16);
}
