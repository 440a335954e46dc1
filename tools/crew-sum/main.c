/* SPDX-License-Identifier: MIT */
/*
 * main.c - the options of crew-sum.
 *
 * crew-sum prints what sha256sum prints, for whole trees and with all processors.
 * How it works: crew-sum.h.
 */
#include "crew-sum.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 250,
	OPTION_PROGRESS = 256,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option options[] = {
	{ "algorithm", required_argument, NULL, 'a' },
	{ "check", required_argument, NULL, 'c' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "progress", no_argument, NULL, OPTION_PROGRESS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: crew-sum [OPTION]... [PATH]...\n"
	"  or:  crew-sum [OPTION]... -c LIST [LIST]...\n"
	"Print checksums as sha256sum does, for whole trees and with all processors.\n"
	"\n"
	"A PATH that is a directory stands for the regular files below it, as in\n"
	"`find -H PATH -type f`. Lines come in the order of the bytes of their names.\n"
	"With no PATH, or when PATH is -, standard input is read.\n"
	"\n"
	"  -a, --algorithm=NAME  sha256 (the default), sha1, md5, xxh64 or blake2b512\n"
	"  -c, --check=LIST      check the files that LIST names; more LISTs may follow\n"
	"  -j, --jobs=N          hash with N workers; by default one per processor\n"
	"      --progress        show the progress also when stderr is no terminal\n"
	"      --json            print a JSON object per line\n"
	"      --help            print this and exit\n"
	"      --version         print the version and exit\n"
	"\n"
	"Exit status: 0 when all went well; 1 when a file or directory could not be read,\n"
	"a checksum did not match, or the command line is wrong; 130 when interrupted.\n"
	"\n"
	"  crew-sum /usr/share > list    write a list\n"
	"  crew-sum -c list              check it; sha256sum -c list does the same\n";

static int misuse(void)
{
	fputs("Try 'crew-sum --help' for more information.\n", stderr);
	return 1;
}

/* A descriptor that is closed would become that of a file: it is made one that fails. */
static void keep_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			exit(1);
}

/* false: it is not a number of workers. */
static bool read_workers(const char *text, unsigned *workers)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 ||
	    n > WORKERS_MAX)
		return false;
	*workers = (unsigned)n;
	return true;
}

static int finish(int status)
{
	bool failed = ferror(stdout) != 0;

	if (fclose(stdout) != 0 || failed) {
		complain(failed ? 0 : errno, "write error");
		return 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	static char name[] = "crew-sum";
	static char dash[] = "-";
	static char *standard_input[] = { dash };
	struct job job = { .workers = 0 };
	const char *algorithm = "sha256";
	char *list = NULL;
	int option;

	keep_standard_descriptors();
	/* getopt_long() complains with it. */
	if (argc > 0)
		argv[0] = name;
	while ((option = getopt_long(argc, argv, "a:c:j:", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			algorithm = optarg;
			break;
		case 'c':
			if (list != NULL) {
				complain(0, "-c is given twice; further lists need no -c");
				return misuse();
			}
			list = optarg;
			break;
		case 'j':
			if (!read_workers(optarg, &job.workers)) {
				complain(0, "-j takes a number from 1 to %d, not %s", WORKERS_MAX,
					 quoted(optarg));
				return misuse();
			}
			break;
		case OPTION_PROGRESS:
			job.progress = true;
			break;
		case OPTION_JSON:
			job.json = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return finish(0);
		case OPTION_VERSION:
			printf("crew-sum (crew) %u.%u.%u\n", crew_version() / 1000000,
			       crew_version() / 1000 % 1000, crew_version() % 1000);
			return finish(0);
		default:
			return misuse();
		}
	}

	job.algorithm = algorithm_find(algorithm);
	if (job.algorithm == NULL) {
		complain(0, "unknown algorithm %s; there are %s", quoted(algorithm),
			 algorithm_names());
		return misuse();
	}
	if (!hash_prepare(job.algorithm)) {
		complain(0, "the libcrypto of this system does not offer %s", algorithm);
		return 1;
	}
	job.paths = argv + optind;
	job.path_count = (size_t)(argc - optind);
	if (list != NULL) {
		/* The place before the first operand is free: -c or its list was there. */
		job.check = true;
		argv[optind - 1] = list;
		job.paths--;
		job.path_count++;
	} else if (job.path_count == 0) {
		job.paths = standard_input;
		job.path_count = 1;
	}
	return finish(job_run(&job));
}
