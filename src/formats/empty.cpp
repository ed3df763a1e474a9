namespace tilepath {}
