/* <stuballoc/concurrency.hpp>. SPDX-License-Identifier: MIT */
#include <stuballoc/concurrency.hpp>

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>

extern "C" {
#include <cmocka.h>
}

namespace {

/* ConcRT's documented use: swap through an allocated temporary. */
void
swap_through_a_temporary(int &one, int &other)
{
  int *temporary = new (concurrency::Alloc(sizeof(int))) int(one);
  one = other;
  other = *temporary;
  concurrency::Free(temporary);
}

void
Alloc_gives_memory_to_build_an_object_in(void **)
{
  int one = 1, other = 2;
  swap_through_a_temporary(one, other);
  assert_int_equal(one, 2);
  assert_int_equal(other, 1);
}

void
Alloc_throws_bad_alloc_when_there_is_no_memory(void **)
{
  bool                       thrown = false;
  const volatile std::size_t too_big = SIZE_MAX;
  try {
    concurrency::Free(concurrency::Alloc(too_big));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  assert_true(thrown);
}

void
Alloc_of_nothing_gives_a_block(void **)
{
  void *block = concurrency::Alloc(0);
  assert_non_null(block);
  concurrency::Free(block);
}

void
Free_ignores_a_null_pointer(void **)
{
  concurrency::Free(nullptr);
}

void
Free_takes_a_block_of_another_thread(void **)
{
  void *block = nullptr;
  std::thread([&] { block = concurrency::Alloc(100); }).join();
  std::memset(block, 1, 100);
  concurrency::Free(block);
}

void
Free_takes_a_block_of_sa_malloc(void **)
{
  concurrency::Free(sa_malloc(100));
}

void
the_namespace_may_be_spelt_with_a_capital(void **)
{
  Concurrency::Free(Concurrency::Alloc(8));
}

} // namespace

int
main()
{
  const CMUnitTest tests[] = {
    cmocka_unit_test(Alloc_gives_memory_to_build_an_object_in),
    cmocka_unit_test(Alloc_throws_bad_alloc_when_there_is_no_memory),
    cmocka_unit_test(Alloc_of_nothing_gives_a_block),
    cmocka_unit_test(Free_ignores_a_null_pointer),
    cmocka_unit_test(Free_takes_a_block_of_another_thread),
    cmocka_unit_test(Free_takes_a_block_of_sa_malloc),
    cmocka_unit_test(the_namespace_may_be_spelt_with_a_capital),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
