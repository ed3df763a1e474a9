# Energy per MAC against register file, per dataflow, at equal area:  gnuplot docs/sweeps/rf-against-buffer.gnuplot
set terminal svg size 900,520 font "sans,13" background "white"
set output "docs/sweeps/rf-against-buffer.svg"
set datafile separator ","
set logscale x 2
set xlabel "register file of a PE, bytes (the buffer gets what area is left of 4.4 mm²)"
set ylabel "energy per MAC (of one MAC's)"
set yrange [0:22]
set key outside right
set grid
macs = 665784864.0
names = "row-stationary weight-stationary output-stationary-a output-stationary-b output-stationary-c no-local-reuse"
plot for [name in names] "docs/sweeps/rf-against-buffer.csv" \
  using (strcol(2) eq name && strcol(8) eq "done" ? 2 * column(3) : NaN):(column(4) / macs) with linespoints linewidth 2 title name
