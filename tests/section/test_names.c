/* The life of names and pages among several processes, and who may have them.
 * SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "processes.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* --- the same name at once -------------------------------------------------------------------- */

struct race {
  _Atomic int go, news, existed, wrong, done;
};

static void
create_at_once(void *argument)
{
  struct race *race = argument;
  while (!race->go)
    ;
  sa_section *section = sa_section_create(name_of_parent("race"), SIZE, 0);
  if (!section)
    race->wrong++;
  else if (errno == EEXIST)
    race->existed++;
  else
    race->news++;
  _Atomic int *count = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  if (count)
    ++*count;
  race->done++;
  while (race->done < race->go) /* so that nobody leaves before all have come */
    ;
  if (!count || *count != race->go)
    race->wrong++;
}

static void
one_of_many_creators_makes_the_section(void **state)
{
  (void)state;
  for (int processes = 2; processes <= 8; processes++)
    for (int round = 0; round < 10; round++) {
      struct race *race = shared_memory(sizeof *race);
      pid_t        children[8];
      for (int i = 0; i < processes; i++)
        children[i] = start(create_at_once, race);
      race->go = processes;
      for (int i = 0; i < processes; i++)
        assert_int_equal(end_of(children[i]), 0);
      assert_int_equal(race->wrong, 0);
      assert_int_equal(race->news, 1);
      assert_int_equal(race->existed, processes - 1);
      give_shared_memory(race, sizeof *race);
      assert_fails(!sa_section_open(name_of("race"), 0), ENOENT);
    }
}

/* --- names of processes that are killed ------------------------------------------------------- */

static void
hold_two_names(void *ready)
{
  sa_section *one = sa_section_create(name_of_parent("one"), SIZE, 0);
  sa_section *two = sa_section_create(name_of_parent("two"), SIZE, SA_SECTION_ALL);
  char       *view = one ? sa_section_map(one, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  sa_section_close(one);
  if (view && two)
    *(_Atomic int *)ready = 1;
  pause();
}

static void
kill_one_with_two_names(void)
{
  _Atomic int *ready = shared_memory(sizeof *ready);
  pid_t        child = start(hold_two_names, (void *)ready);
  while (!*ready)
    ;
  assert_true(names_become(2));
  kill_child(child);
  give_shared_memory((void *)ready, sizeof *ready);
}

static void
the_next_create_removes_the_names_of_the_dead(void **state)
{
  (void)state;
  kill_one_with_two_names();
  sa_section *other = create(name_of("other"));
  assert_true(names_become(1));
  sa_section_close(other);
  assert_true(names_become(0));
}

static void
the_next_open_removes_the_names_of_the_dead(void **state)
{
  (void)state;
  kill_one_with_two_names();
  assert_fails(!sa_section_open(name_of("other"), 0), ENOENT);
  assert_true(names_become(0));
}

static void
a_dead_name_cannot_be_opened_and_can_be_made_anew(void **state)
{
  (void)state;
  kill_one_with_two_names();
  assert_fails(!sa_section_open(name_of("one"), 0), ENOENT);
  kill_one_with_two_names();
  sa_section *section = sa_section_create(name_of("one"), 2 * SIZE, SA_SECTION_EXCLUSIVE);
  assert_non_null(section);
  sa_section_close(section);
}

/* Whether a process has a file open to write to it, as one does that wants to use the section. */
static bool
wants_to_use(pid_t process, const char *file)
{
  char           place[64], path[320], target[256];
  bool           wants = false;
  struct dirent *entry;
  struct stat    link; /* its mode is how the file is open */
  snprintf(place, sizeof place, "/proc/%d/fd", (int)process);
  DIR *descriptors = opendir(place);
  while ((entry = readdir(descriptors))) {
    snprintf(path, sizeof path, "%s/%s", place, entry->d_name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    wants =
      wants || (strcmp(target, file) == 0 && lstat(path, &link) == 0 && link.st_mode & S_IWUSR);
  }
  closedir(descriptors);
  return wants;
}

static void
find_nothing(void *remover)
{
  close(*(int *)remover);
  do /* the parent may take longer than a second to be killed */
    if (sa_section_open(name_of_parent("one"), 0))
      _exit(1);
  while (errno == EBUSY);
  if (errno != ENOENT)
    _exit(2);
}

/* Locks a dead name as one does who is about to remove it. Another test's process may come first. */
static int
begin_to_remove(void)
{
  for (;;) {
    kill_one_with_two_names();
    int         file = open(file_of(name_of("one"), 0), O_RDONLY);
    struct stat is;
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &is) == 0
        && is.st_nlink > 0)
      return file;
    close(file);
  }
}

static void
nobody_finds_it_again_when_who_was_to_remove_a_dead_name_is_killed(void **state)
{
  (void)state;
  int   remover = begin_to_remove();
  pid_t child = start(find_nothing, &remover);
  while (!wants_to_use(child, file_of(name_of("one"), 0)))
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
  close(remover); /* all that is left of one who is killed */
  assert_int_equal(end_of(child), 0);
}

static void
find_the_gate_shut(void *unused)
{
  (void)unused;
  if (sa_section_open(name_of_parent("gate"), 0) || errno != EBUSY)
    _exit(1);
  if (sa_section_create(name_of_parent("gate"), SIZE, 0) || errno != EBUSY)
    _exit(2);
}

static void
who_stays_inside_the_gate_makes_nobody_hang(void **state)
{
  (void)state;
  sa_section *section = create(name_of("gate"));
  int         file = open(file_of(name_of("gate"), 0), O_RDONLY);
  assert_int_equal(flock(file, LOCK_EX), 0);
  assert_int_equal(end_of(start(find_the_gate_shut, NULL)), 0);
  close(file);
  sa_section *opened = sa_section_open(name_of("gate"), 0);
  assert_non_null(opened);
  sa_section_close(opened);
  sa_section_close(section);
}

static void
open_and_wait(void *ready)
{
  sa_section *section = sa_section_open(name_of_parent("kept"), 0);
  char       *view = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  if (view)
    *(_Atomic int *)ready = 1;
  pause();
}

static void
a_name_stays_with_those_who_live(void **state)
{
  (void)state;
  _Atomic int *ready = shared_memory(sizeof *ready);
  sa_section  *section = create(name_of("kept"));
  pid_t        child = start(open_and_wait, (void *)ready);
  while (!*ready)
    ;
  kill_child(child);
  sa_section *again = sa_section_open(name_of("kept"), 0);
  assert_non_null(again);
  sa_section_close(again);
  *ready = 0;
  child = start(open_and_wait, (void *)ready);
  while (!*ready)
    ;
  sa_section_close(section); /* the child is the last */
  again = sa_section_open(name_of("kept"), 0);
  assert_non_null(again);
  sa_section_close(again);
  kill_child(child);
  assert_fails(!sa_section_open(name_of("kept"), 0), ENOENT);
  give_shared_memory((void *)ready, sizeof *ready);
}

static void
a_name_that_became_anothers_is_left_alone(void **state)
{
  (void)state;
  sa_section *first = create(name_of("replaced"));
  unlink(file_of(name_of("replaced"), 0)); /* by somebody who does not ask */
  sa_section *second = sa_section_create(name_of("replaced"), SIZE, SA_SECTION_EXCLUSIVE);
  assert_non_null(second);
  sa_section_close(first);
  sa_section *opened = sa_section_open(name_of("replaced"), 0);
  assert_non_null(opened);
  sa_section_close(opened);
  sa_section_close(second);
}

/* --- forks ------------------------------------------------------------------------------------ */

static sa_section *inherited;

static void
wait_with_inherited(void *ready)
{
  *(_Atomic int *)ready = 1;
  pause();
}

static void
close_inherited(void *unused)
{
  (void)unused;
  sa_section_close(inherited);
}

static void
a_forked_child_is_a_user_of_its_own(void **state)
{
  (void)state;
  _Atomic int *ready = shared_memory(sizeof *ready);
  inherited = create(name_of("fork"));
  assert_int_equal(end_of(start(close_inherited, NULL)), 0);
  sa_section *again = sa_section_open(name_of("fork"), 0);
  assert_non_null(again);
  sa_section_close(again);
  pid_t child = start(wait_with_inherited, (void *)ready);
  while (!*ready)
    ;
  sa_section_close(inherited);
  again = sa_section_open(name_of("fork"), 0);
  assert_non_null(again);
  sa_section_close(again);
  kill_child(child);
  assert_fails(!sa_section_open(name_of("fork"), 0), ENOENT);
  give_shared_memory((void *)ready, sizeof *ready);
}

static void
write_to_inherited_views(void *argument)
{
  char **views = argument;
  views[0][0] = 's';
  views[1][0] = 'c';
}

static void
a_copy_does_not_reach_the_process_that_it_was_inherited_from(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *views[] = {view_of(section, SA_VIEW_WRITE), view_of(section, SA_VIEW_COPY)};
  views[1][0] = 'p';
  assert_int_equal(end_of(start(write_to_inherited_views, views)), 0);
  assert_int_equal(views[0][0], 's');
  assert_int_equal(views[1][0], 'p');
  sa_view_unmap(views[0]);
  sa_view_unmap(views[1]);
  sa_section_close(section);
}

static void
an_unnamed_section_passes_through_an_exec(void **state)
{
  (void)state;
  sa_section *section = create(NULL);
  char       *view = view_of(section, SA_VIEW_WRITE);
  char        number[16];
  int         passed = dup((int)sa_section_descriptor(section)); /* without close-on-exec */
  snprintf(number, sizeof number, "%d", passed);
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "test_names", number, (char *)NULL);
    _exit(1);
  }
  assert_int_equal(end_of(child), 0);
  assert_string_equal(view, "from the other side of an exec");
  close(passed);
  sa_view_unmap(view);
  sa_section_close(section);
}

static int
other_side_of_exec(int descriptor)
{
  sa_section *section = sa_section_adopt(descriptor, 0);
  char       *view = section ? sa_section_map(section, NULL, 0, SIZE, SA_VIEW_WRITE) : NULL;
  if (view)
    strcpy(view, "from the other side of an exec");
  return !view;
}

static void
a_descriptor_to_be_read_is_not_written(void **state)
{
  (void)state;
  char        path[64];
  sa_section *section = create(NULL);
  snprintf(path, sizeof path, "/proc/self/fd/%d", (int)sa_section_descriptor(section));
  int descriptor = open(path, O_RDONLY);
  assert_fails(!sa_section_adopt(descriptor, 0), EACCES);
  sa_section *adopted = sa_section_adopt(descriptor, SA_SECTION_READ_ONLY);
  assert_non_null(adopted);
  assert_fails(!sa_section_map(adopted, NULL, 0, SIZE, SA_VIEW_WRITE), EACCES);
  sa_view_unmap(view_of(adopted, SA_VIEW_READ));
  sa_section_close(adopted);
  close(descriptor);
  sa_section_close(section);
}

/* --- who may open it -------------------------------------------------------------------------- */

static unsigned
mode_of(const char *name, unsigned flags)
{
  struct stat status;
  sa_section *section = sa_section_create(name, SIZE, flags);
  assert_non_null(section);
  assert_int_equal(stat(file_of(name, flags), &status), 0);
  sa_section_close(section);
  return status.st_mode & 0777;
}

static void
the_mode_is_what_the_flags_say(void **state)
{
  (void)state;
  mode_t saved = umask(0077);
  assert_int_equal(mode_of(name_of("m"), 0), 0600);
  assert_int_equal(mode_of(name_of("m"), SA_SECTION_GROUP), 0660);
  assert_int_equal(mode_of(name_of("m"), SA_SECTION_ALL), 0666);
  assert_int_equal(mode_of(name_of("m"), SA_SECTION_GROUP | SA_SECTION_OTHERS_READ), 0640);
  assert_int_equal(mode_of(name_of("m"), SA_SECTION_ALL | SA_SECTION_OTHERS_READ), 0644);
  umask(saved);
}

static unsigned
mode_of_file(unsigned flags)
{
  struct stat status;
  const char *path = name_of("mode.bin");
  sa_section *section = sa_section_create_file(path, SIZE, flags);
  assert_non_null(section);
  assert_int_equal(stat(path, &status), 0);
  sa_section_close(section);
  unlink(path);
  return status.st_mode & 0777;
}

static void
a_file_that_is_made_has_the_mode_of_the_flags(void **state)
{
  (void)state;
  mode_t saved = umask(0077);
  assert_int_equal(mode_of_file(0), 0600);
  assert_int_equal(mode_of_file(SA_SECTION_GROUP), 0660);
  assert_int_equal(mode_of_file(SA_SECTION_ALL), 0666);
  assert_int_equal(mode_of_file(SA_SECTION_ALL | SA_SECTION_OTHERS_READ), 0644);
  umask(saved);
}

static void
the_mode_of_a_file_that_was_there_stays(void **state)
{
  (void)state;
  struct stat status;
  const char *path = name_of("kept.bin");
  close(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  sa_section *section = sa_section_create_file(path, SIZE, SA_SECTION_ALL);
  assert_non_null(section);
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  sa_section_close(section);
  unlink(path);
}

static void
try_as_another_user(void *unused)
{
  (void)unused;
  if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
    exit(77);
  if (sa_section_open(name_of_parent("mine"), 0) || errno != ENOENT)
    exit(1);
  if (sa_section_open(name_of_parent("group"), SA_SECTION_GROUP) || errno != EACCES)
    exit(2);
  if (sa_section_open(name_of_parent("read"), SA_SECTION_ALL) || errno != EACCES)
    exit(3);
  if (!sa_section_open(name_of_parent("read"), SA_SECTION_ALL | SA_SECTION_READ_ONLY))
    exit(4);
  if (!sa_section_open(name_of_parent("all"), SA_SECTION_ALL))
    exit(5);
  if (sa_section_create_file("/stuballoc-no-permission", SIZE, 0) || errno != EACCES)
    exit(6);
}

static void
another_user_opens_only_what_is_for_him(void **state)
{
  (void)state;
  sa_section *sections[] = {
    sa_section_create(name_of("mine"), SIZE, 0),
    sa_section_create(name_of("group"), SIZE, SA_SECTION_GROUP),
    sa_section_create(name_of("read"), SIZE, SA_SECTION_ALL | SA_SECTION_OTHERS_READ),
    sa_section_create(name_of("all"), SIZE, SA_SECTION_ALL)};
  int status = end_of(start(try_as_another_user, NULL));
  for (unsigned i = 0; i < 4; i++)
    sa_section_close(sections[i]);
  assert_true(names_become(0));
  if (WEXITSTATUS(status) == 77)
    skip(); /* only root can be somebody else */
  assert_int_equal(status, 0);
}

static void
try_as_a_member(void *unused)
{
  gid_t group = getegid();
  (void)unused;
  if (setgroups(1, &group) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
    exit(77);
  if (!sa_section_open(name_of_parent("members"), SA_SECTION_GROUP))
    exit(1);
  if (sa_section_open(name_of_parent("readers"), SA_SECTION_GROUP) || errno != EACCES)
    exit(2);
  if (!sa_section_open(name_of_parent("readers"), SA_SECTION_GROUP | SA_SECTION_READ_ONLY))
    exit(3);
}

static void
a_member_of_the_group_opens_what_is_for_it(void **state)
{
  (void)state;
  sa_section *members = sa_section_create(name_of("members"), SIZE, SA_SECTION_GROUP);
  sa_section *readers =
    sa_section_create(name_of("readers"), SIZE, SA_SECTION_GROUP | SA_SECTION_OTHERS_READ);
  int status = end_of(start(try_as_a_member, NULL));
  sa_section_close(members);
  sa_section_close(readers);
  assert_true(names_become(0));
  if (WEXITSTATUS(status) == 77)
    skip(); /* only root can be somebody else */
  assert_int_equal(status, 0);
}

static void
no_link_and_no_pipe_is_followed(void **state)
{
  (void)state;
  const char *file = file_of(name_of("link"), 0);
  assert_int_equal(symlink("/etc/passwd", file), 0);
  assert_fails(!sa_section_open(name_of("link"), SA_SECTION_READ_ONLY), EACCES);
  assert_fails(!sa_section_create(name_of("link"), SIZE, 0), EACCES);
  unlink(file);
  assert_int_equal(mkfifo(file, 0600), 0);
  assert_fails(!sa_section_open(name_of("link"), 0), EACCES);
  assert_fails(!sa_section_create_file(file, SIZE, 0), EINVAL);
  assert_fails(!sa_section_create_file(file, SIZE, SA_SECTION_READ_ONLY), EINVAL); /* at once */
  unlink(file);
  assert_fails(!sa_section_create_file("/dev/zero", SIZE, 0), EINVAL);
}

/* --- no space, and files that shrink ---------------------------------------------------------- */

static void
no_space_is_an_error_of_create(void **state)
{
  (void)state;
  struct statvfs memory;
  assert_int_equal(statvfs("/dev/shm", &memory), 0);
  size_t more = (size_t)memory.f_blocks * memory.f_frsize + (1 << 20);
  assert_fails(!sa_section_create(name_of("space"), more, 0), ENOSPC);
  assert_true(names_become(0));
}

/* Seen by nobody else, so it goes with this process. */
static bool
have_a_small_file_system(const char *place)
{
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
         && mount("tmpfs", place, "tmpfs", 0, "size=64k") == 0 && chdir(place) == 0;
}

static void
grow_in_a_small_file_system(void *place)
{
  struct stat status;
  if (!have_a_small_file_system(place))
    exit(77);
  int file = open("small.bin", O_RDWR | O_CREAT, 0600);
  if (write(file, "hello", 5) != 5)
    exit(1);
  if (sa_section_create_file("small.bin", SIZE, 0) || errno != ENOSPC)
    exit(2);
  if (fstat(file, &status) != 0 || status.st_size != 5)
    exit(3);
  if (!sa_section_create_file("small.bin", 16 * KIB, 0))
    exit(4);
}

static void
no_space_for_a_file_leaves_it_as_it_was(void **state)
{
  (void)state;
  const char *place = name_of("place");
  assert_int_equal(mkdir(place, 0700), 0);
  int status = end_of(start(grow_in_a_small_file_system, (void *)place));
  rmdir(place);
  if (WEXITSTATUS(status) == 77)
    skip(); /* only root can mount one */
  assert_int_equal(status, 0);
}

/* Of a section of SIZE bytes whose file it is. */
static void
notices_a_cut(sa_section *section, const char *file)
{
  size_t resident;
  char  *view = view_of(section, SA_VIEW_WRITE);
  assert_int_equal(truncate(file, SIZE / 2), 0);
  assert_fails(sa_view_flush(view, SIZE) == -1, ENODATA);
  assert_fails(sa_view_resident(view, SIZE, &resident) == -1, ENODATA);
  assert_int_equal(sa_view_flush(view, SIZE / 2), 0);
  assert_fails(!sa_section_map(section, NULL, 0, SIZE, SA_VIEW_READ), ENODATA);
  sa_view_unmap(view);
  sa_section_close(section);
}

static void
calls_notice_a_file_that_has_shrunk(void **state)
{
  (void)state;
  const char *path = name_of("shrinks.bin");
  notices_a_cut(sa_section_create_file(path, SIZE, 0), path);
  unlink(path);
}

static void
calls_notice_a_named_section_that_has_shrunk(void **state)
{
  (void)state;
  notices_a_cut(create(name_of("shrinks")), file_of(name_of("shrinks"), 0));
}

/* Although its page is still there. */
static void
calls_notice_that_the_last_byte_is_gone(void **state)
{
  (void)state;
  size_t      resident;
  const char *path = name_of("byte.bin");
  sa_section *section = sa_section_create_file(path, SIZE, 0);
  char       *view = view_of(section, SA_VIEW_WRITE);
  assert_int_equal(truncate(path, SIZE - 1), 0);
  assert_fails(sa_view_flush(view, SIZE) == -1, ENODATA);
  assert_fails(sa_view_resident(view, SIZE, &resident) == -1, ENODATA);
  assert_fails(!sa_section_map(section, NULL, 0, SIZE, SA_VIEW_READ), ENODATA);
  assert_int_equal(sa_view_flush(view, SIZE - 1), 0);
  sa_view_unmap(view);
  sa_section_close(section);
  unlink(path);
}

static void
read_behind_a_cut(void *path)
{
  sa_section *section = sa_section_create_file(path, SIZE, 0);
  char       *view = sa_section_map(section, NULL, 0, SIZE, SA_VIEW_READ);
  if (truncate(path, 0) == 0 && ((volatile char *)view)[SIZE - 1])
    exit(1);
}

static void
who_touches_what_was_cut_is_told_which_section_it_was(void **state)
{
  (void)state;
  const char  *path = name_of("cut.bin");
  struct child child = child_run(read_behind_a_cut, (void *)path);
  unlink(path);
  assert_true(WIFSIGNALED(child.status));
  assert_int_equal(WTERMSIG(child.status), SIGBUS);
  assert_int_equal(count_lines(child.said), 1);
  assert_non_null(strstr(child.said, path));
  assert_non_null(strstr(child.said, "was cut short"));
}

static void
read_behind_a_cut_of_a_name(void *name)
{
  sa_section *section = sa_section_create(name, SIZE, 0);
  char       *view = sa_section_map(section, NULL, 0, SIZE, SA_VIEW_READ);
  if (truncate(file_of(name, 0), 0) == 0 && ((volatile char *)view)[SIZE - 1])
    exit(1);
}

static void
who_touches_what_was_cut_of_a_name_is_told_it(void **state)
{
  (void)state;
  struct child child = child_run(read_behind_a_cut_of_a_name, (void *)name_of("cut"));
  assert_true(WIFSIGNALED(child.status));
  assert_int_equal(WTERMSIG(child.status), SIGBUS);
  assert_non_null(strstr(child.said, name_of("cut")));
  assert_fails(!sa_section_open(name_of("cut"), 0), ENOENT);
}

static void
leave_on_sigbus(int number)
{
  (void)number;
  _exit(42);
}

static void
read_behind_a_cut_with_a_handler(void *path)
{
  signal(SIGBUS, leave_on_sigbus);
  read_behind_a_cut(path);
}

static void
a_programs_own_handler_is_left_alone(void **state)
{
  (void)state;
  const char  *path = name_of("own.bin");
  struct child child = child_run(read_behind_a_cut_with_a_handler, (void *)path);
  unlink(path);
  assert_int_equal(WEXITSTATUS(child.status), 42);
  assert_string_equal(child.said, "");
}

int
main(int argc, char **argv)
{
  if (argc == 2)
    return other_side_of_exec(atoi(argv[1]));
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_of_many_creators_makes_the_section),
    cmocka_unit_test(the_next_create_removes_the_names_of_the_dead),
    cmocka_unit_test(the_next_open_removes_the_names_of_the_dead),
    cmocka_unit_test(nobody_finds_it_again_when_who_was_to_remove_a_dead_name_is_killed),
    cmocka_unit_test(who_stays_inside_the_gate_makes_nobody_hang),
    cmocka_unit_test(a_dead_name_cannot_be_opened_and_can_be_made_anew),
    cmocka_unit_test(a_name_stays_with_those_who_live),
    cmocka_unit_test(a_name_that_became_anothers_is_left_alone),
    cmocka_unit_test(a_forked_child_is_a_user_of_its_own),
    cmocka_unit_test(a_copy_does_not_reach_the_process_that_it_was_inherited_from),
    cmocka_unit_test(an_unnamed_section_passes_through_an_exec),
    cmocka_unit_test(a_descriptor_to_be_read_is_not_written),
    cmocka_unit_test(the_mode_is_what_the_flags_say),
    cmocka_unit_test(a_file_that_is_made_has_the_mode_of_the_flags),
    cmocka_unit_test(the_mode_of_a_file_that_was_there_stays),
    cmocka_unit_test(another_user_opens_only_what_is_for_him),
    cmocka_unit_test(a_member_of_the_group_opens_what_is_for_it),
    cmocka_unit_test(no_link_and_no_pipe_is_followed),
    cmocka_unit_test(no_space_is_an_error_of_create),
    cmocka_unit_test(no_space_for_a_file_leaves_it_as_it_was),
    cmocka_unit_test(calls_notice_a_file_that_has_shrunk),
    cmocka_unit_test(calls_notice_a_named_section_that_has_shrunk),
    cmocka_unit_test(calls_notice_that_the_last_byte_is_gone),
    cmocka_unit_test(who_touches_what_was_cut_is_told_which_section_it_was),
    cmocka_unit_test(who_touches_what_was_cut_of_a_name_is_told_it),
    cmocka_unit_test(a_programs_own_handler_is_left_alone),
    cmocka_unit_test(nothing_is_left_open_or_mapped),
  };
  return cmocka_run_group_tests(tests, count_before, NULL);
}
