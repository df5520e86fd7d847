"""What no log tells: effects, values of policies, paths, by closed form where there is one."""
