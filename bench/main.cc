#include "bench/roundtrip.h"

int main(int argc, char** argv) { return roundtrip::main(argc, argv); }
