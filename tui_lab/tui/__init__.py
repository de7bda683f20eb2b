"""The terminal app: what `tui-lab` alone opens.

It draws what lies in run directories and writes requests into them. Training, previews and the queue are processes of
their own, so nothing that happens in them can freeze or crash the screen; this one never imports torch.
"""
