/*
 * Starts the engine with less than the service itself has. It needs no privilege for that, so it works for any user and
 * in a container without capabilities; what the kernel does not know is left out. Each of these outlives exec:
 *
 *   - It is killed when the service ends, however that ends, and a Ctrl-C in the terminal does not reach it.
 *   - It has no network: it may listen on a UNIX socket, and connect to nothing (seccomp).
 *   - It writes nowhere but into its folder, sends signals to nobody, and looks into no process outside (Landlock).
 *   - Root's capabilities are gone but for the right to read; nothing gives any back.
 *   - When memory runs out it goes before the service, and leaves no image of its memory on the disk.
 *
 * usage: confine PARENT FOLDER PROGRAM [ARGUMENT...]    PARENT is the process id that it must die with
 *        confine --probe FOLDER                         does it to itself, and tells as JSON what could be done
 */
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// Newer than the headers of the oldest systems that can build this; numbers are the same on every architecture.
constexpr long call_pidfd_getfd = 438;
constexpr long call_close_range = 436;
constexpr long call_landlock_create_ruleset = 444;
constexpr long call_landlock_add_rule = 445;
constexpr long call_landlock_restrict_self = 446;

/** Added to the service's own score, in thousandths of the memory there is. Decoders of pictures have the most, 1000. */
constexpr int oom_handicap = 200;

// ---- seccomp: no network, no other processes

class Filter {
public:
  /** Refuses a system call whatever its arguments. */
  void refuse(long call) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 1);
    refuse_now();
  }
  /** Refuses a system call unless the low half of an argument, an int, has this value. */
  void refuse_unless(long call, int argument, std::uint32_t value) {
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 4);
    load(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t) + low_half);
    jump(BPF_JEQ, value, 1, 0);
    refuse_now();
    load(offsetof(seccomp_data, nr));
  }
  /** Refuses a system call unless an argument, a pointer, is null. */
  void refuse_unless_null(long call, int argument) {
    const auto place = offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t);
    jump(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 6);
    load(place + low_half);
    jump(BPF_JEQ, 0, 0, 2);
    load(place + (4 - low_half));
    jump(BPF_JEQ, 0, 1, 0);
    refuse_now();
    load(offsetof(seccomp_data, nr));
  }
  void load(std::size_t place) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(place))); }
  void jump(int condition, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    add(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K), value, yes, no));
  }
  void refuse_now() { add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)); }
  bool install() {
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{count, instructions};
    // The flag keeps older kernels from slowing a program down because it is filtered: it works on nobody's secrets.
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0 ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
  }

private:
  static constexpr std::size_t low_half = 0; // of both architectures below
  sock_filter instructions[128];
  unsigned short count = 0;
  void add(sock_filter instruction) { instructions[count++] = instruction; }
};

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t architecture = 0; // other tables of system calls were never looked at
#endif

bool without_network() {
  if (architecture == 0) return false;
  Filter filter;
  // System calls of another architecture, and x86's third table, have other numbers.
  filter.load(offsetof(seccomp_data, arch));
  filter.jump(BPF_JEQ, architecture, 1, 0);
  filter.refuse_now();
  filter.load(offsetof(seccomp_data, nr));
  filter.jump(BPF_JGE, 0x40000000, 0, 1);
  filter.refuse_now();
  // A server on a UNIX socket never calls anybody. An address can't be looked at here, so calling is refused whole:
  // a socket without a name in the file system, or another service's, is as good a way out as the network.
  filter.refuse_unless(SYS_socket, 0, AF_UNIX);
  filter.refuse(SYS_connect);
  filter.refuse_unless_null(SYS_sendto, 4);
  filter.refuse(SYS_sendmsg);
  filter.refuse(SYS_sendmmsg);
  // It would do all of these past the filter.
  filter.refuse(SYS_io_uring_setup);
  // The service has a network, and belongs to the same user.
  filter.refuse(SYS_ptrace);
  filter.refuse(SYS_process_vm_readv);
  filter.refuse(SYS_process_vm_writev);
  filter.refuse(call_pidfd_getfd);
  return filter.install();
}

// ---- Landlock: nothing is written but in the folder

constexpr std::uint64_t bits(int from, int to) { return ((1ULL << (to - from + 1)) - 1) << from; }

constexpr std::uint64_t write_file = 1ULL << 1;
constexpr std::uint64_t truncate = 1ULL << 14;
/** By the version of the interface that brought them: write, remove, make; move between folders; truncate. */
std::uint64_t writing(long version) {
  return write_file | bits(4, 12) | (version >= 2 ? 1ULL << 13 : 0) | (version >= 3 ? truncate : 0);
}

bool allow(int ruleset, const char *path, std::uint64_t rights) {
  struct {
    std::uint64_t rights;
    std::int32_t place;
  } __attribute__((packed)) rule{rights, open(path, O_PATH | O_CLOEXEC)};
  if (rule.place < 0) return false;
  const bool added = syscall(call_landlock_add_rule, ruleset, 1, &rule, 0) == 0;
  close(rule.place);
  return added;
}

/** The version of Landlock that is in force now, or 0. */
long writing_only_in(const char *folder) {
  const long version = syscall(call_landlock_create_ruleset, nullptr, 0, 1);
  if (version < 1) return 0;
  const struct {
    std::uint64_t files, network, scopes;
  } restricted{
      writing(version),
      version >= 4 ? bits(0, 1) : 0, // listening and connecting by TCP
      version >= 6 ? bits(0, 1) : 0, // sockets without a file, and signals
  };
  const auto ruleset = static_cast<int>(syscall(call_landlock_create_ruleset, &restricted, sizeof restricted, 0));
  if (ruleset < 0) return 0;
  allow(ruleset, "/dev/null", writing(version) & (write_file | truncate));
  const bool done = allow(ruleset, folder, writing(version)) && syscall(call_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return done ? version : 0;
}

// ---- what any kernel can do

/** Models may belong to somebody else, and root is used to reading them. */
void only_reading_capabilities() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (capability != CAP_DAC_READ_SEARCH) prctl(PR_CAPBSET_DROP, capability);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, sets) != 0) return;
  const std::uint32_t kept = sets[0].permitted & (1U << CAP_DAC_READ_SEARCH);
  sets[0] = {kept, kept, 0};
  sets[1] = {};
  syscall(SYS_capset, &header, sets);
}

void dies_first() {
  char text[16]{};
  const int file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  if (read(file, text, sizeof text - 1) > 0) {
    const int score = std::atoi(text) + oom_handicap;
    dprintf(file, "%d", score > 1000 ? 1000 : score);
  }
  close(file);
}

void dies_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have ended before.
  if (getppid() != parent) std::_Exit(1);
}

struct Outcome {
  bool network_is_closed;
  long landlock;
};

Outcome confine(const char *folder) {
  setsid();
  syscall(call_close_range, 3, ~0U, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  dies_first();
  only_reading_capabilities();
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long landlock = writing_only_in(folder);
  return {without_network(), landlock};
}

int probe(const char *folder) {
  const Outcome outcome = confine(folder);
  // What counts is what happens to somebody who tries.
  const bool closed = outcome.network_is_closed && socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EACCES;
  std::printf("{\"networkIsClosed\":%s,\"landlock\":%ld}\n", closed ? "true" : "false", outcome.landlock);
  return 0;
}

} // namespace

int main(int count, char **words) {
  if (count == 3 && std::strcmp(words[1], "--probe") == 0) return probe(words[2]);
  if (count < 4) {
    std::fputs("usage: confine PARENT FOLDER PROGRAM [ARGUMENT...] | confine --probe FOLDER\n", stderr);
    return 2;
  }
  confine(words[2]);
  dies_with(std::atoi(words[1]));
  execv(words[3], words + 3);
  std::fprintf(stderr, "%s could not be started: %s\n", words[3], std::strerror(errno));
  return 127;
}
