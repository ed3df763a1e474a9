# Seconds to the proof against the size of the mapspace, a point a layer.
set terminal svg size 720,440 font "sans-serif,13" background "white"
set output "docs/performance/time-against-mapspace.svg"
set datafile separator ","
set key top left
set logscale y
set format y "%g s"
set xlabel "nests in the mapspace, log10"
set ylabel "time to the proven optimum, one thread"
set grid
plot "docs/performance/eyeriss-3level-perfect.csv" every ::1 using 3:4 with points pt 7 ps 0.6 lc rgb "#0072b2" title "eyeriss-3level, perfect factors", \
     "docs/performance/eyeriss-3level-remainders.csv" every ::1 using 3:4 with points pt 9 ps 0.7 lc rgb "#d55e00" title "eyeriss-3level, remainders at the lanes", \
     "docs/performance/eyeriss-perfect.csv" every ::1 using 3:4 with points pt 5 ps 0.6 lc rgb "#009e73" title "eyeriss, perfect factors", \
     "docs/performance/five-levels-perfect.csv" every ::1 using 3:4 with points pt 11 ps 0.8 lc rgb "#cc79a7" title "five levels, perfect factors"
