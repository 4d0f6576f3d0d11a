"""The node under the names that Nav2's semantic_segmentation_layer subscribes to, in its namespace, and started by Nav2's lifecycle manager.

    ros2 launch itnet nav2.launch.py image_topic:=/camera/image_raw

It waits for a manager whatever `autostart` says. The manager has to know the node; it bonds with it as with Nav2's own:

    lifecycle_manager_perception:
      ros__parameters:
        autostart: true
        node_names: [itnet]

Names are those of one camera. Cameras with names publish below `~/<camera>`, which this file has no rules for.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import SetRemap

SHARE = get_package_share_directory('itnet')


def generate_launch_description():
    # The calibration lies beside the mask, where image_transport looks for it.
    names = ('mask', 'mask/compressed', 'confidence', 'label_info', 'camera_info')
    topics = [SetRemap(f'~/{name}', f'segmentation/{name}') for name in names]
    return LaunchDescription([
        GroupAction([
            *topics,
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(os.path.join(SHARE, 'launch', 'itnet.launch.py')),
                # Given here, as Nav2's launch files have an argument of this name, and theirs is for the manager.
                launch_arguments={'autostart': 'false'}.items(),
            ),
        ]),
    ])
