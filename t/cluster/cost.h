/* What a cluster costs on paper: see cost.c. */
#ifndef PLAYCOUNT_T_COST_H
#define PLAYCOUNT_T_COST_H

/* ARGUMENTS: SERVERS SONGS MASTERS INTERVAL CHANGES, or fewer. */
int playcount_cost_print(int argc, char **argv);

#endif
