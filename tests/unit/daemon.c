#include "tests/unit/daemon.h"

#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
die(const char *what)
{
	perror(what);
	_exit(99);
}

/* PostgreSQL refuses to run as root. */
static const struct passwd *
user(void)
{
	return geteuid() == 0 ? getpwnam("nobody") : NULL;
}

void
daemon_dir(char dir[64], const char *name)
{
	const struct passwd *pw = user();

	snprintf(dir, 64, "/tmp/terse-%s-XXXXXX", name);
	if (!mkdtemp(dir))
		die("mkdtemp");
	if (pw && chown(dir, pw->pw_uid, pw->pw_gid) != 0)
		die("chown");
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
daemon_remove_dir(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
become(const char *dir, const char *const argv[])
{
	const struct passwd *pw = user();
	char log[128];
	int fd;

	if (pw && (setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0))
		die("setuid");
	prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
	snprintf(log, sizeof(log), "%s/log", dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(dir) != 0)
		die(log);
	execvp(argv[0], (char *const *)(const void *)argv);
	die(argv[0]);
}

pid_t
daemon_start(const char *dir, const char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(dir, argv);
	return pid;
}

int
daemon_stop(pid_t pid, int sig)
{
	int status = 0;

	if (sig != 0)
		kill(pid, sig);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

void
daemon_run(const char *dir, const char *const argv[])
{
	if (daemon_stop(daemon_start(dir, argv), 0) != 0)
		die(argv[0]);
}
