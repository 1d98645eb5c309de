/* `rollcall models switch`: another detector, encoder or precision, step by step. Thread: main. */
#pragma once

/* argv[0] is "switch". */
int cmd_models_switch(int argc, char **argv);
