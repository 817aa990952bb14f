/*
 * Tries every way out that a process has: to the network, into other processes, onto the disk. Each is a line:
 * `name ok`, or `name` and the error's name. It is run as the engine is, and once as it is, to know that each would work.
 *
 * usage: burglar PORT UNIX_PATH ABSTRACT_NAME VICTIM OUTSIDE INSIDE
 *        PORT        where somebody listens on 127.0.0.1 and ::1 by TCP, and by UDP on 127.0.0.1
 *        VICTIM      the id of a process of the same user
 *        OUTSIDE, INSIDE   folders: not its own, its own
 */
#include <arpa/inet.h>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

/** Says how it went; the result is what a system call gives. */
void tell(const char *name, long result) {
  std::printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
}

int socket_of(int family, int type, int protocol = 0) { return socket(family, type, protocol); }

long connected(int file, const void *address, socklen_t length) {
  return file < 0 ? file : connect(file, static_cast<const sockaddr *>(address), length);
}

sockaddr_in local_4(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_in6 local_6(int port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  address.sin6_addr = in6addr_loopback;
  return address;
}

/** Of a name without a file, the first byte is zero. */
socklen_t unix_address(sockaddr_un &address, const std::string &name, bool abstract) {
  address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + (abstract ? 1 : 0), name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
}

sigjmp_buf before_i386;

void network(int port, const std::string &path, const std::string &abstract) {
  const auto four = local_4(port);
  const auto six = local_6(port);
  tell("tcp4", connected(socket_of(AF_INET, SOCK_STREAM), &four, sizeof four));
  tell("tcp6", connected(socket_of(AF_INET6, SOCK_STREAM), &six, sizeof six));
  const int udp = socket_of(AF_INET, SOCK_DGRAM);
  tell("udp", udp < 0 ? udp : sendto(udp, "x", 1, 0, reinterpret_cast<const sockaddr *>(&four), sizeof four));
  tell("netlink", socket_of(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  tell("listen-tcp", [] {
    const int file = socket_of(AF_INET, SOCK_STREAM);
    return file < 0 ? file : listen(file, 1);
  }());
#if defined(__x86_64__)
  // The same by the tables of system calls that 32-bit programs use: 359 is socket, 41 is it with x32's mark.
  // Some kernels have none for i386: then the instruction ends a program.
  std::signal(SIGSEGV, [](int) { siglongjmp(before_i386, 1); });
  if (sigsetjmp(before_i386, 1) == 0) {
    long result = 0;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(359L), "b"(2L), "c"(1L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    errno = static_cast<int>(-result);
    tell("socket-of-i386", result < 0 ? -1 : 0);
  } else {
    std::printf("socket-of-i386 none\n");
  }
  std::signal(SIGSEGV, SIG_DFL);
  tell("socket-of-x32", syscall(0x40000000 + 41, AF_INET, SOCK_STREAM, 0));
#endif
  sockaddr_un address;
  socklen_t length = unix_address(address, path, false);
  tell("unix", connected(socket_of(AF_UNIX, SOCK_STREAM), &address, length));
  // Programs differ in whether the zeros after such a name belong to it.
  length = unix_address(address, abstract, true);
  const int caller = socket_of(AF_UNIX, SOCK_STREAM);
  const long called = connected(caller, &address, length);
  tell("unix-abstract", called == 0 || errno != ECONNREFUSED ? called : connected(caller, &address, sizeof address));
  // Datagrams need no connection: a pair of them can send to anybody.
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return tell("socketpair", -1);
  length = unix_address(address, path + ".datagram", false);
  const int datagram = socket_of(AF_UNIX, SOCK_DGRAM);
  tell("unix-sendto", sendto(datagram, "x", 1, 0, reinterpret_cast<sockaddr *>(&address), length));
  iovec piece{const_cast<char *>("x"), 1};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = length;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  tell("unix-sendmsg", sendmsg(datagram, &message, 0));
  mmsghdr messages{message, 0};
  tell("unix-sendmmsg", sendmmsg(datagram, &messages, 1, 0));
  char parameters[256]{};
  tell("io_uring", syscall(425, 1, parameters));
  tell("inherited", fcntl(9, F_GETFD));
}

void processes(pid_t victim) {
  long word = 0;
  iovec mine{&word, sizeof word};
  iovec theirs{reinterpret_cast<void *>(&word), sizeof word};
  // No address of the victim's is known: EFAULT would say that only that was missing.
  const long read_there = syscall(SYS_process_vm_readv, victim, &mine, 1, &theirs, 1, 0);
  tell("process_vm_readv", read_there < 0 && errno == EFAULT ? 0 : read_there);
  const long written_there = syscall(SYS_process_vm_writev, victim, &mine, 1, &theirs, 1, 0);
  tell("process_vm_writev", written_there < 0 && errno == EFAULT ? 0 : written_there);
  const auto descriptor = static_cast<int>(syscall(434, victim, 0));
  tell("pidfd_getfd", syscall(438, descriptor, 1, 0));
  const std::string folder = "/proc/" + std::to_string(victim);
  tell("its-memory", open((folder + "/mem").c_str(), O_RDWR));
  tell("its-environment", open((folder + "/environ").c_str(), O_RDONLY));
  tell("signal", kill(victim, SIGWINCH));
  const long attached = ptrace(PTRACE_SEIZE, victim, 0, 0);
  tell("ptrace", attached);
}

void disk(const std::string &outside, const std::string &inside) {
  tell("write-outside", open((outside + "/written").c_str(), O_CREAT | O_WRONLY, 0600));
  tell("change-outside", open((outside + "/there").c_str(), O_WRONLY));
  tell("truncate-outside", truncate((outside + "/there").c_str(), 0));
  tell("remove-outside", unlink((outside + "/there-too").c_str()));
  tell("mkdir-outside", mkdir((outside + "/folder").c_str(), 0700));
  tell("write-inside", open((inside + "/written").c_str(), O_CREAT | O_WRONLY, 0600));
  tell("write-null", open("/dev/null", O_WRONLY));
  tell("read-outside", open((outside + "/there").c_str(), O_RDONLY));
  sockaddr_un address;
  const socklen_t length = unix_address(address, inside + "/its.sock", false);
  const int file = socket_of(AF_UNIX, SOCK_STREAM);
  tell("listen-unix", bind(file, reinterpret_cast<sockaddr *>(&address), length) == 0 ? listen(file, 1) : -1);
}

} // namespace

int main(int, char **words) {
  // What was written must not be lost if something ends it.
  std::setbuf(stdout, nullptr);
  const std::string outside = words[5];
  network(std::atoi(words[1]), words[2], words[3]);
  processes(std::atoi(words[4]));
  disk(outside, words[6]);
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  std::printf("core-limit %ld\n", static_cast<long>(core.rlim_max));
  std::printf("session %s\n", getsid(0) == getpid() ? "own" : "shared");
}
