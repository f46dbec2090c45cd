"""The message handler of this installation: what goes out, what comes in, and what was answered (itk3-messaging 1.6, 1.7)."""
