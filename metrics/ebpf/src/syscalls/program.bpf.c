/* System calls of requests, by class.. See mod.rs for what is counted and what it costs. */
