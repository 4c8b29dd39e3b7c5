/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommands: each takes its own argv (argv[0] is its name) and returns an exit code.
 */
#ifndef MMUSCOPE_COMMANDS_H
#define MMUSCOPE_COMMANDS_H

int cmd_check(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_levels(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_walk(int argc, char **argv);

#endif /* MMUSCOPE_COMMANDS_H */
